"""The routes of models and snapshots, of operators and of health: each handler parses, calls and returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal
from urllib.parse import unquote

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter

from facets_svc.catalogue import FACETS, is_slug
from facets_svc.errors import InvalidField, InvalidRequest, NotFound, Unavailable
from facets_svc.facets.query import Question
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web.documented import answers, operation_with
from facets_svc.web.edge import PLAIN, PUBLIC, exchange_of
from facets_svc.web.incoming import unless_client_leaves
from facets_svc.web.json_body import (
    FacetValuesResponse,
    Model,
    ModelFacetsResponse,
    ModelsResponse,
    SnapshotsResponse,
)
from facets_svc.web.parameters import (
    FacetKey,
    FacetsParameters,
    ModelsParameters,
    ParametersT,
    RecordParameters,
    SnapshotsParameters,
    ValuesParameters,
    parameters_of,
)
from facets_svc.web.problems import NO_STORE
from facets_svc.web.reading import MAX_REMEMBERED, MAX_REMEMBERED_BYTES, decoded, fields_of, pairs_of, remembered
from facets_svc.web.representation import Reply, form_of

ApiRequest = Request[Any, Any, Any]

Org = Annotated[str, PathParameter(description="Organization slug")]
Facet = Annotated[FacetKey, PathParameter(description="The facet, by its key in the answer")]
ModelId = Annotated[
    str,
    PathParameter(name="id", description="The id of the model, percent-encoded as one segment: `/` is sent as `%2F`"),
]

_KEYS: Final = tuple(facet.response_key for facet in FACETS)
_BEARER: Final[list[dict[str, list[str]]]] = [{"bearer": []}]


class ReloadResponse(msgspec.Struct, frozen=True):
    """The snapshot that is current after a reload."""

    snapshot_id: Annotated[str, msgspec.Meta(description="Id of the current snapshot")]


class Live(msgspec.Struct, frozen=True):
    """The process runs."""

    status: Literal["live"]


class Ready(msgspec.Struct, frozen=True, omit_defaults=True):
    """A snapshot is open."""

    status: Literal["ready"]
    snapshot_id: Annotated[str, msgspec.Meta(description="Id of the current snapshot")]
    age_seconds: Annotated[int, msgspec.Meta(ge=0, description="Seconds since it was made")]
    lake_unreadable_since: Annotated[
        datetime | None,
        msgspec.Meta(description="Time since which the lake or its current snapshot cannot be read; absent otherwise"),
    ] = None


async def check_request(request: ApiRequest) -> None:
    """Check facet, encoding and org of a request before its route reads it.

    This is Litestar's `before_request`: a guard would run at the same point, but copy its handler for every request.
    Raises the first that applies of `NotFound` for an unknown facet, `BadEncoding`, `InvalidRequest` for an org that
    is not a slug, and `Forbidden` for an org that the caller may not see.
    """
    sent = request.path_params
    if (facet := sent.get("facet")) is not None and unquote(facet) not in _KEYS:
        raise NotFound(f"The facet is unknown. The facets are {', '.join(_KEYS)}.")
    exchange = exchange_of(request.scope)
    request.scope["path_params"] = {name: decoded(value.encode("latin-1")) for name, value in sent.items()}
    if pairs := pairs_of(request.scope["query_string"]):
        exchange.name_ignored([name for name, _ in pairs], request.route_handler.opt.get("parameters", ()))
    if (org := request.path_params.get("org")) is not None:
        _check_org(org)
        exchange.org = org
        request.user.require_org(org)


def _check_org(org: str) -> None:
    if not is_slug(org):
        wrong = InvalidField(
            ("path", "org"),
            "Should start with a letter or digit and contain only letters, digits, '.', '_' and '-'.",
            "slug",
        )
        raise InvalidRequest("The organization is not a slug.", fields=(wrong,))


class _Questions:
    """Reads the parameters and answers the questions of the routes of models and snapshots."""

    def __init__(self, service: FacetService, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self._cached_question = lru_cache(MAX_REMEMBERED)(lambda question, *of: question(*of))

    def of(self, declared: type[ParametersT]) -> dict[str, Any]:
        """Return the keyword arguments of a route that reads and documents the parameters of a Struct."""

        @remembered
        def cached(query: bytes) -> ParametersT:
            return parameters_of(declared, pairs_of(query), self._settings)

        async def read(request: ApiRequest) -> ParametersT:
            return cached(request.scope["query_string"])

        return {
            "dependencies": {"parameters": Provide(read)},
            "opt": {"parameters": tuple(fields_of(declared))},
            "operation_class": operation_with(declared, self._settings),
            "security": _BEARER,
            "tags": ["Models"],
        }

    async def answer(self, request: ApiRequest, make: Callable[..., Question], *of: str) -> Reply:
        """Answer the question that `make` returns for the path parameters `of`; short requests are parsed once."""
        exchange = exchange_of(request.scope)
        exchange.check_rate()
        is_short = len(exchange.path) + len(request.scope["query_string"]) <= MAX_REMEMBERED_BYTES
        question: Question = self._cached_question(make, *of) if is_short else make(*of)
        form = form_of(exchange.texts(b"accept"), exchange.texts(b"accept-encoding"))
        question = form.canonical(question)
        must_know_org = request.user.is_operator
        answered = self._service.cached(question, form, must_know_org=must_know_org)
        if answered is None:
            computing = self._service.ask(question, form, must_know_org=must_know_org, timing=exchange.timing)
            answered = await unless_client_leaves(computing, request.receive)
        else:
            exchange.timing.hit = True
        return answered.reply(exchange.texts(b"if-none-match"))


def question_handlers(service: FacetService, settings: Settings) -> Sequence[HTTPRouteHandler]:
    """Return the handlers of the routes of models and snapshots."""
    questions = _Questions(service, settings)

    @get(
        "/api/v1/org/{org:str}/models/facets",
        operation_id="get_model_facets",
        summary="Get model filter facets",
        description="Return faceted counts for model filter UI.",
        responses=answers(ModelFacetsResponse),
        **questions.of(FacetsParameters),
    )
    async def get_model_facets(request: ApiRequest, org: Org, parameters: NamedDependency[FacetsParameters]) -> Reply:
        return await questions.answer(request, parameters.question, org)

    @get(
        "/api/v1/org/{org:str}/models/facets/{facet:str}",
        operation_id="get_facet_values",
        summary="Search one facet's values",
        description="Return a page of one facet's values with their counts, under the same filters.",
        responses=answers(FacetValuesResponse, {404: "Not found, or an unknown facet"}),
        **questions.of(ValuesParameters),
    )
    async def get_facet_values(
        request: ApiRequest, org: Org, facet: Facet, parameters: NamedDependency[ValuesParameters]
    ) -> Reply:
        return await questions.answer(request, parameters.question, org, facet)

    @get(
        "/api/v1/org/{org:str}/models",
        operation_id="get_models",
        summary="List models",
        description="Return a page of the models that pass the same filters, in an order of choice.",
        responses=answers(ModelsResponse),
        **questions.of(ModelsParameters),
    )
    async def get_models(request: ApiRequest, org: Org, parameters: NamedDependency[ModelsParameters]) -> Reply:
        return await questions.answer(request, parameters.question, org)

    @get(
        "/api/v1/org/{org:str}/models/{id:str}",
        operation_id="get_model",
        summary="Get one model",
        description="Return the record of one model of the scope. A model outside of it is 404, like one that does not "
        "exist.",
        responses=answers(Model, {404: "The model does not exist in the scope"}),
        **questions.of(RecordParameters),
    )
    async def get_model(
        request: ApiRequest, org: Org, model_id: ModelId, parameters: NamedDependency[RecordParameters]
    ) -> Reply:
        return await questions.answer(request, parameters.question, org, model_id)

    @get(
        "/api/v1/org/{org:str}/snapshots",
        operation_id="get_snapshots",
        summary="List the available snapshots",
        description="Return the current snapshot and the earlier ones that `as_of` accepts.",
        responses=answers(SnapshotsResponse),
        **questions.of(SnapshotsParameters),
    )
    async def get_snapshots(request: ApiRequest, org: Org, parameters: NamedDependency[SnapshotsParameters]) -> Reply:
        return await questions.answer(request, parameters.question, org)

    return [get_model_facets, get_facet_values, get_models, get_model, get_snapshots]


def service_handlers(service: FacetService) -> Sequence[HTTPRouteHandler]:
    """Return the handlers of the operators' reload and of health."""
    public = {PUBLIC: True, PLAIN: True}

    @post(
        "/api/v1/operator/reload",
        operation_id="reload_snapshot",
        summary="Load the current snapshot now",
        description="Poll the lake for a new snapshot and load it. For operators.",
        responses=answers(
            ReloadResponse,
            {200: "The snapshot that is current now", 409: "A reload is running already"},
            errors=(400, 401, 403, 409, 426, 429, 500, 502),
            others=(405,),
        ),
        security=_BEARER,
        tags=["Operation"],
        status_code=200,
    )
    async def reload(request: ApiRequest) -> Response[ReloadResponse]:
        request.user.require_operator()
        exchange_of(request.scope).check_rate()
        return Response(ReloadResponse(await service.reload()), headers=NO_STORE)

    @get(
        "/health/live",
        operation_id="health_live",
        summary="Report that the process runs",
        description="Answer 200 as long as the process can answer at all.",
        responses=answers(Live, {200: "The process runs"}, errors=(400,), others=(405,)),
        opt=public,
        security=[{}],
        tags=["Operation"],
    )
    async def live() -> Response[Live]:
        return Response(Live("live"), headers=NO_STORE)

    @get(
        "/health/ready",
        operation_id="health_ready",
        summary="Report whether a snapshot is loaded, and which",
        description="Answer 200 while a snapshot is loaded, 502 otherwise.",
        responses=answers(Ready, {200: "A snapshot is open"}, errors=(400, 502), others=(405,)),
        opt=public,
        security=[{}],
        tags=["Operation"],
    )
    async def ready() -> Response[Ready]:
        snapshot = service.snapshot
        if snapshot is None:
            raise Unavailable("There is no snapshot yet.")
        if not service.reachable:
            raise Unavailable("The engine cannot be reached.")
        age = (datetime.now(UTC) - snapshot.created_at).total_seconds()
        ready = Ready("ready", snapshot.id, max(0, round(age)), service.lake_unreadable_since)
        return Response(ready, headers=NO_STORE)

    return [reload, live, ready]
