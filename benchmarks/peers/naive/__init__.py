"""Items and stock as most FastAPI tutorials build them: an ORM session a request.

The pattern of the specification (`backend-patterns.md`), with Pydantic both ways, made to work
where it does not. It is favoured: the tenant is believed as a header says it. Nobody is
authenticated, there are no scopes, no validation beyond types and lengths, no request ids, no
logs.
"""

from fastapi import FastAPI

from benchmarks.peers.naive import items, stock

app = FastAPI(title="naive")
app.include_router(items.router)
app.include_router(stock.router)
