"""Items as Django REST Framework's own tutorial builds them: a model, a serializer, a viewset.

One file, for the sake of the reader; else as its users deploy it: connections are kept, each
request is a transaction, pages go by cursor. It is favoured as the naive peer is: the tenant is
believed as a header says it, and there is none of the middleware for sessions and forms.
"""

import os
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID, uuid4

import django
from django.conf import settings

_URL: Final = urlsplit(os.environ["BENCHMARK_DATABASE_URL"])
_HOST: Final = parse_qs(_URL.query)

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _URL.path.lstrip("/"),
            "USER": _URL.username,
            "PASSWORD": unquote(_URL.password or ""),
            "HOST": _HOST["host"][0],
            "PORT": _HOST["port"][0],
            "CONN_MAX_AGE": None,
            "ATOMIC_REQUESTS": True,
        }
    },
    INSTALLED_APPS=["django.contrib.postgres", "rest_framework"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
    ],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
    ROOT_URLCONF=__name__,
    USE_TZ=True,
)
django.setup()

# Django wants its settings before any of what follows is imported.
from django.contrib.postgres.fields import ArrayField
from django.core.wsgi import get_wsgi_application
from django.db import connection, models
from django.utils import timezone
from rest_framework import exceptions, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

_BATCH_ROWS: Final = 1_000


class Item(models.Model):
    """A row of the items table."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    tenant_id = models.UUIDField()
    sku = models.TextField()
    sku_key = models.TextField()
    name = models.TextField()
    description = models.TextField(null=True)
    unit = models.TextField(default="cái")
    barcode = models.TextField(null=True)
    status = models.TextField(default="active")
    tags = ArrayField(models.TextField(), default=list)
    attributes = models.JSONField(default=dict)
    version = models.BigIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Where the rows are."""

        app_label = "items"
        managed = False
        db_table = "items"

    def __str__(self) -> str:
        return str(self.sku)


class ItemSerializer(serializers.ModelSerializer):
    """An item, as it comes and goes."""

    sku = serializers.CharField(max_length=64)
    name = serializers.CharField(max_length=255)
    description = serializers.CharField(required=False, allow_null=True)
    barcode = serializers.CharField(required=False, allow_null=True)

    class Meta:
        """Which fields."""

        model = Item
        fields = (
            *("id", "tenant_id", "sku", "name", "description", "unit", "barcode", "status"),
            *("tags", "attributes", "version", "created_at", "updated_at"),
        )
        read_only_fields = ("id", "tenant_id", "version", "created_at", "updated_at")


class ItemPagination(CursorPagination):
    """Pages in the order of ids."""

    ordering = "id"
    page_size_query_param = "limit"
    max_page_size = 100


class MergePatchParser(JSONParser):
    """JSON by the name of a merge patch."""

    media_type = "application/merge-patch+json"


class ItemViewSet(viewsets.ModelViewSet):
    """``/v1/items``."""

    serializer_class = ItemSerializer
    pagination_class = ItemPagination
    parser_classes = (JSONParser, MergePatchParser)
    tenant_id: UUID

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Bind the tenant, in the transaction of the request."""
        super().initial(request, *args, **kwargs)
        self.tenant_id = UUID(request.headers["X-Tenant-Id"])
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('app.current_tenant', %s, true)", [str(self.tenant_id)]
            )

    def get_queryset(self) -> Any:
        """Return the items, or those of a status."""
        items = Item.objects.all()
        wanted = self.request.query_params.get("status")
        return items if wanted is None else items.filter(status=wanted)

    def perform_create(self, serializer: Any) -> None:
        """Add what the client does not say."""
        sku_key = serializer.validated_data["sku"].casefold()
        serializer.save(tenant_id=self.tenant_id, sku_key=sku_key)

    def perform_update(self, serializer: Any) -> None:
        """Make a new version, where the client has seen the last."""
        if self.request.headers.get("If-Match") != f'"{serializer.instance.version}"':
            raise Stale
        serializer.save(version=serializer.instance.version + 1, updated_at=timezone.now())

    @action(detail=False, methods=["post"])
    def batch(self, request: Request) -> Response:
        """Make or change items by their SKUs."""
        serializer = ItemSerializer(data=request.data["items"], many=True)
        serializer.is_valid(raise_exception=True)
        rows = {row["sku"].casefold(): row for row in serializer.validated_data}
        known = {item.sku_key: item for item in Item.objects.filter(sku_key__in=rows)}
        items = []
        for sku_key, row in rows.items():
            item = known.get(sku_key) or Item(tenant_id=self.tenant_id, sku_key=sku_key, version=0)
            for name, value in row.items():
                setattr(item, name, value)
            item.version += 1
            item.updated_at = timezone.now()
            items.append(item)
        fields = [field.name for field in Item._meta.fields if field.name != "id"]  # noqa: SLF001
        Item.objects.bulk_create(
            items,
            batch_size=_BATCH_ROWS,
            update_conflicts=True,
            unique_fields=["tenant_id", "sku_key"],
            update_fields=fields,
        )
        told = {"created": len(items) - len(known), "updated": len(known)}
        return Response({**told, "ids": [item.id for item in items]})


class Stale(exceptions.APIException):
    """The item has changed since the client read it."""

    status_code = status.HTTP_412_PRECONDITION_FAILED


_router: Final = SimpleRouter(trailing_slash=False)
_router.register("v1/items", ItemViewSet, basename="item")
urlpatterns = _router.urls

application = get_wsgi_application()
