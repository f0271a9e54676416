"""``/openapi.json``, and ``/docs``, where a browser shows it under a policy of its own."""

import re
from base64 import b64encode
from hashlib import sha256
from typing import Final

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sokho.core.infrastructure.http.body import JSON
from sokho.core.infrastructure.http.context import RequestContext
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.core.infrastructure.http.security_headers import with_policy

_DOCUMENT: Final = "/openapi.json"

_SWAGGER_UI: Final = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5.35.0/"

# Keys are typed into that page: nothing but these very files may run there (W3C SRI).
_INTEGRITY: Final = {
    "swagger-ui-bundle.js": "gjRm0bEPMeTmMh5jT2cHccIwCUZSTd8YC+j0d0sXw0MdGEfScduGpSyF3ZSSLkX9",
    "swagger-ui.css": "WlYgdmXYOOBWL5apwjDEZwN+U3HmXSSu5R6V5aGxEcf7z+KuRNwBhoxKVN1i3D5I",
}

# Swagger UI's pictures are data, and it reads the document from here.
_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; connect-src 'self'; form-action 'none'; "
    "frame-ancestors 'none'; img-src data:; "
    f"script-src {_SWAGGER_UI} 'sha256-{{digest}}'; style-src {_SWAGGER_UI}"
)

_INLINE_SCRIPT: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)

router = APIRouter(route_class=PreparedRoute, include_in_schema=False)

page_router = APIRouter(route_class=PreparedRoute, include_in_schema=False)


@router.get(_DOCUMENT)
async def openapi(request: Request) -> Response:
    """Answer the OpenAPI document."""
    return Response(request.app.openapi_json(), media_type=JSON)


@page_router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Answer Swagger UI's page, which loads its scripts from a public mirror of npm."""
    page = get_swagger_ui_html(
        openapi_url=request.scope.get("root_path", "").rstrip("/") + _DOCUMENT,
        title=request.app.title,
        swagger_js_url=f"{_SWAGGER_UI}swagger-ui-bundle.js",
        swagger_css_url=f"{_SWAGGER_UI}swagger-ui.css",
        swagger_favicon_url="data:,",
    )
    html = bytes(page.body).decode()
    for file, digest in _INTEGRITY.items():
        checked = f'{_SWAGGER_UI}{file}" integrity="sha384-{digest}" crossorigin="anonymous"'
        html = html.replace(f'{_SWAGGER_UI}{file}"', checked)
    page = HTMLResponse(html)
    (script,) = _INLINE_SCRIPT.findall(html.encode())
    digest = b64encode(sha256(script).digest()).decode()
    context = RequestContext.of(request.scope)
    context.security_headers = with_policy(context.security_headers, _POLICY.format(digest=digest))
    return page
