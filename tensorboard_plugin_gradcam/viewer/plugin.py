"""The plugin: routes that read their parameters, ask the store, and answer. See http_api.md beside this file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import Any, Literal
from urllib.parse import urlencode

from tensorboard import errors, plugin_util
from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from tensorboard.util import tb_logging
from werkzeug.wrappers import Request, Response

from tensorboard_plugin_gradcam.findings import Observations
from tensorboard_plugin_gradcam.records import (
    LATER_PLUGIN_NAME,
    PLUGIN_NAME,
    CohortParts,
    CorruptRecord,
    MapKind,
    NewerFormat,
    Series,
    verify_picture,
)
from tensorboard_plugin_gradcam.viewer import cohorts, frontend, parameters
from tensorboard_plugin_gradcam.viewer.answers import Answers
from tensorboard_plugin_gradcam.viewer.behind import behind_json, by_prediction
from tensorboard_plugin_gradcam.viewer.budget import Bytes, Flights, Holding, Processor, Turns
from tensorboard_plugin_gradcam.viewer.catalog import Catalog, Entry, Key
from tensorboard_plugin_gradcam.viewer.damage import Damage, logdir_of
from tensorboard_plugin_gradcam.viewer.findings import (
    CohortOf,
    Found,
    Listing,
    Looked,
    LookedAt,
    Studied,
    Summaries,
    atlas_json,
    comparable,
    findings_json,
    listing_of,
    looked_at,
    maps_of,
    observed_at,
    packed,
)
from tensorboard_plugin_gradcam.viewer.limits import (
    HOLDING_BYTES,
    IMAGE_PIXELS,
    OPENING_COHORT_BYTES,
    OPENING_PICTURE_BYTES,
    OPENING_SECONDS,
    PICTURES_AT_ONCE,
    SENDING_BYTES,
    UNREAD_SECONDS,
)
from tensorboard_plugin_gradcam.viewer.missing import Missing
from tensorboard_plugin_gradcam.viewer.opening import (
    GROUPS,
    Answered,
    Question,
    Shown,
    first_pictures,
    shown_first,
    together,
)
from tensorboard_plugin_gradcam.viewer.packets import maps_packet, numbers_packet, predictions_packet
from tensorboard_plugin_gradcam.viewer.parameters import Aspect, Cut, quoted, required
from tensorboard_plugin_gradcam.viewer.pictures import Picture, recognised
from tensorboard_plugin_gradcam.viewer.places import Numbering, Registry
from tensorboard_plugin_gradcam.viewer.source import Scope, Source, Unreadable
from tensorboard_plugin_gradcam.viewer.store import Loaded, Store
from tensorboard_plugin_gradcam.viewer.thumbnails import Thumbnails

Handler = Callable[[Request], Response]
Packet = Callable[[Key, MapKind, Loaded, Cut, Numbering | None], bytes]
FOREVER = 365 * 24 * 3600  # seconds; what is named by its digest never changes
# None of the answers is a page: opened by itself, none may run or load anything.
POLICY = ("Content-Security-Policy", "default-src 'none'; sandbox")


class GradCAMPlugin(base_plugin.TBPlugin):  # type: ignore[misc, unused-ignore]
    """Serve Grad-CAM records and the tab that shows them."""

    plugin_name = PLUGIN_NAME

    def __init__(self, context: Any) -> None:
        """Read through `context.data_provider`; nothing is read before the first request."""
        super().__init__(context)
        self._kept_steps = _kept_steps(context)
        self._source = Source(context.data_provider)
        self._store = Store(self._source, self._kept_steps)
        self._damage = Damage(logdir_of(context), getattr(context, "multiplexer", None) is None)
        self._missing = Missing(self._damage.held, _kept_by_plugin(context), _patience(context))
        self._reading_suspects = threading.Lock()
        self._answers = Answers()
        self._summaries = Summaries()
        self._looked = Looked()
        self._seeking = Flights()
        self._summarising = Turns(1)
        self._thumbnails = Thumbnails(self._source)
        self._pictures = Flights()
        self._reading_pictures = Turns(PICTURES_AT_ONCE)
        self._sending = Bytes(SENDING_BYTES)
        self._holding = Holding(HOLDING_BYTES)
        self._places = Registry()
        self._handlers: Mapping[str, Handler] = {
            "predictions": self._serve_predictions,
            "maps": self._serve_maps,
            "cohort": self._serve_cohort,
            "image": self._serve_image,
        }

    def get_plugin_apps(self) -> dict[str, Any]:
        """Return the routes, each with the same manners."""
        routes: dict[str, Handler] = {
            "/series": self._serve_series,
            "/opening": self._serve_opening,
            "/predictions": self._serve_predictions,
            "/maps": self._serve_maps,
            "/numbers": self._serve_numbers,
            "/cohort": self._serve_cohort,
            "/findings": self._serve_findings,
            "/atlas": self._serve_atlas,
            "/behind": self._serve_behind,
            "/image": self._serve_image,
            "/index.js": self._serve_index,
            "/static/*": self._serve_static,
        }
        return {route: _mannered(handler) for route, handler in routes.items()}

    def is_active(self) -> bool:
        """Return False: TensorBoard itself finds out, by `list_plugins`, whether there is data."""
        return False

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """Say how the tab is called and loaded."""
        return base_plugin.FrontendMetadata(es_module_path="/index.js", tab_name="Grad-CAM", disable_reload=False)

    def _serve_series(self, request: Request) -> Response:
        scope = _scope(request)
        catalog = self._store.catalog(scope)
        loaded = self._store.loaded(scope)
        told = self._missing.told(catalog, loaded, self._damage.problems(), self._damage.stopped)
        self._read_suspects(scope, catalog, loaded)
        return self._sent(request, catalog.packed(self._kept_steps, told), "application/json")

    def _read_suspects(self, scope: Scope, catalog: Catalog, loaded: Mapping[Key, Loaded]) -> None:
        """Read a series in the background of which steps seem to be missing, though nobody asks for it."""
        if not self._reading_suspects.acquire(blocking=False):
            return

        def read() -> None:
            try:
                key = self._missing.suspect(catalog, loaded)
                if key is not None:
                    self._store.series(scope, key, catalog.entries[key].tags)
            except errors.PublicError:  # said where it is asked for
                pass
            finally:
                self._reading_suspects.release()

        threading.Thread(target=read, name="gradcam-missing", daemon=True).start()

    def _serve_opening(self, request: Request) -> Response:
        """Answer what the tab asks first, as far as that is quickly done: the tab asks for the rest as ever."""
        until = time.monotonic() + OPENING_SECONDS
        answers: list[Answered] = []
        pictures = 0
        for question in self._first_questions(_scope(request)):
            if time.monotonic() > until:
                break
            answered = self._answer(request, question)
            is_picture = question.route == "image"
            if answered is None or (is_picture and pictures + len(answered.body) > OPENING_PICTURE_BYTES):
                continue
            pictures += len(answered.body) if is_picture else 0
            answers.append(answered)
        content = together(answers)
        return self._hold(_respond(request, content, "application/octet-stream"), len(content))

    def _first_questions(self, scope: Scope) -> Iterator[Question]:
        """Yield what is to be answered first; later ones follow from what was read for those before."""
        shown = shown_first(self._store.catalog(scope))
        cohorts: dict[str, str] = {}  # runs by digest: runs that log the same samples have one between them
        for one in shown[:GROUPS]:
            yield from self._questions_of(scope, one, cohorts)
        for digest, run in islice(cohorts.items(), 1):
            for image in self._first_pictures(scope, run, digest):
                yield Question("image", {"run": run, "digest": image})
        for one in shown[GROUPS:]:
            yield from self._questions_of(scope, one, cohorts)

    def _questions_of(self, scope: Scope, shown: Shown, cohorts: dict[str, str]) -> Iterator[Question]:
        """Yield what is asked of a run, and for its samples where no other run has the same."""
        yield from shown.questions()
        digest = self._cohort_shown(scope, shown)
        if digest is not None and digest not in cohorts:
            cohorts[digest] = shown.run
            yield Question("cohort", {"run": shown.run, "digest": digest})

    def _cohort_shown(self, scope: Scope, shown: Shown) -> str | None:
        """Return the digest of the samples that stand at the last step."""
        key = shown.maps or Key(shown.run, shown.tag, "predictions")
        entry = self._store.entry(scope, key)
        steps = None if entry is None else self._store.series(scope, key, entry.tags).steps
        return None if steps is None else str(steps.cohort[-1].decode())

    def _first_pictures(self, scope: Scope, run: str, digest: str) -> list[str]:
        """Return the digests of a cohort's first pictures."""

        def make() -> bytes:
            blob = self._source.blob(scope, run, Series("cohort", digest=digest))
            return b"" if blob is None or len(blob) > OPENING_COHORT_BYTES else first_pictures(blob)

        kept = self._answers.kept(("first pictures", scope.experiment, run, digest), 0, make)
        return kept.decode().split()

    def _answer(self, request: Request, question: Question) -> Answered | None:
        """Return what a route of our own answers to a question; None where it refuses."""
        try:
            return self._kept_picture(request, question) if question.route == "image" else self._own(request, question)
        except errors.PublicError:
            return None

    def _own(self, request: Request, question: Question) -> Answered:
        query = urlencode(question.parameters)
        environment = {**request.environ, "REQUEST_METHOD": "GET", "QUERY_STRING": query}
        with self._handlers[question.route](Request(environment)) as response:
            return Answered.of(question, response)

    def _kept_picture(self, request: Request, question: Question) -> Answered:
        """Return a picture that every page opens with, kept: a read of TensorBoard's data server can take 45 ms."""
        name = ("picture", _scope(request).experiment, *question.parameters.values())
        body = self._answers.kept(name, 0, lambda: self._own(request, question).body)
        return Answered(question, {"Content-Type": _shown(recognised(body)).media_type}, body)

    def _serve_predictions(self, request: Request) -> Response:
        key = Key(required(request.args, "run"), required(request.args, "tag"), "predictions")
        cut = parameters.steps_cut(request.args)
        return self._packed(request, key, cut, predictions_packet)

    def _serve_maps(self, request: Request) -> Response:
        run, tag, method, layer = (required(request.args, name) for name in ("run", "tag", "method", "layer"))
        key = Key(run, tag, "maps", method, layer)
        cut = parameters.maps_cut(request.args)
        return self._packed(request, key, cut, maps_packet)

    def _packed(self, request: Request, key: Key, cut: Cut, packet: Packet) -> Response:
        entry, loaded = self._found(request, key)
        with self._holding.of(loaded.state, loaded.nbytes):
            numbering = self._numbering(request, key, loaded)
            made = self._answers.of(loaded, cut, lambda: packet(key, entry.map_kind, loaded, cut, numbering))
        return self._sent(request, made)

    def _numbering(self, request: Request, key: Key, loaded: Loaded) -> Numbering | None:
        """Number the samples of a series across its steps, those of the predictions first, so that links stay good."""
        scope = _scope(request)
        digests = _cohorts_of(loaded)
        if key.kind != "predictions" and len(digests) > 1:
            predictions = Key(key.run, key.tag, "predictions")
            entry = self._store.entry(scope, predictions)
            if entry is not None:
                digests = [*_cohorts_of(self._store.series(scope, predictions, entry.tags)), *digests]
        processor = Processor()
        return self._places.numbering(
            (scope.experiment, key.run, key.tag),
            digests,
            lambda digest: self._cohort(scope, key.run, digest, processor),
            processor,
        )

    def _cohort(self, scope: Scope, run: str, digest: str, processor: Processor) -> tuple[str, ...] | None:
        blob = self._source.blob(scope, run, Series("cohort", digest=digest))
        processor.hand(len(blob or b""))
        try:
            return CohortParts(blob).identities() if blob is not None else None
        except (CorruptRecord, NewerFormat):
            return None

    def _serve_numbers(self, request: Request) -> Response:
        run, tag, name = (required(request.args, one) for one in ("run", "tag", "name"))
        method, layer = (request.args.get(one, "") for one in ("method", "layer"))
        key = Key(run, tag, "numbers", method, layer, name)
        cut = parameters.steps_cut(request.args)
        return self._packed(request, key, cut, numbers_packet)

    def _found(self, request: Request, key: Key) -> tuple[Entry, Loaded]:
        scope = _scope(request)
        entry = self._store.entry(scope, key)
        if entry is None:
            raise errors.NotFoundError(f"no Grad-CAM data for {_named(key)}")
        return entry, self._store.series(scope, key, entry.tags)

    def _serve_findings(self, request: Request) -> Response:
        tag, method, layer = (required(request.args, name) for name in ("tag", "method", "layer"))
        keys = [Key(run, tag, "maps", method, layer) for run in parameters.runs(request.args)]
        name = (_scope(request).experiment, *keys)
        made = self._seeking.share(name, lambda: self._findings(request, keys))
        return self._sent(request, made, "application/json")

    def _findings(self, request: Request, keys: Sequence[Key]) -> bytes:
        processor = Processor()
        looked = list(comparable(self._looked_at(request, key, processor) for key in keys))
        states = tuple((key, one.state, one.end is None) for key, one in zip(keys, looked, strict=True))
        return self._once(request, "findings", states, None, lambda: packed(findings_json(looked)))

    def _looked_at(self, request: Request, key: Key, processor: Processor) -> LookedAt:
        """Return what is found in one series, which nothing holds any more then: several may be large."""
        scope = _scope(request)
        known = self._looked.kept(scope.experiment, key, self._states(scope, key))
        if known is not None:
            return known
        processor.expect_some()
        with self._summarising.taken(), self._studied(request, key) as studied:
            processor.hand(studied.handed)
            found = self._looked.kept(scope.experiment, key, studied.state)  # made while this one waited
            if found is None:
                found = looked_at(self._summarised(scope, studied, processor), studied.state)
                self._looked.keep(scope.experiment, key, found)
        processor.note_progress()
        return found

    def _states(self, scope: Scope, key: Key) -> tuple[str, ...] | None:
        """Return `Studied.state` without reading anything; None where it must be read to tell."""
        states = []
        for one in (key, Key(key.run, key.tag, "predictions"), key._replace(kind="sums")):
            entry = self._store.entry(scope, one)
            state = "" if entry is None else self._store.state(scope, one, entry.tags)
            if state is None:
                return None
            states.append(state)
        return tuple(states)

    def _serve_atlas(self, request: Request) -> Response:
        run, tag, method, layer = (required(request.args, name) for name in ("run", "tag", "method", "layer"))
        key = Key(run, tag, "maps", method, layer)
        step, by = parameters.step(request.args), parameters.aspect(request.args)
        processor = Processor()

        with self._studied(request, key) as studied:

            def make() -> bytes:
                with self._summarising.taken():
                    processor.hand(studied.handed)
                    found = self._summarised(_scope(request), studied, processor)
                    return packed(self._atlas(request, studied, found, step, by))

            answer = self._once(request, "atlas", ((studied.key, studied.state),), (step, by), make)
        return self._sent(request, answer, "application/json")

    def _atlas(self, request: Request, studied: Studied, found: Found, step: float, by: Aspect) -> dict[str, Any]:
        _, summarised, looks, _ = found
        if by == "prediction":
            observed = self._observed(request, studied, step)
            summarised, step = by_prediction(summarised, observed), max(step, observed.step)
        shown = atlas_json(summarised, step, looks)
        if shown is None:
            raise _nothing_at(studied.key)
        return shown

    def _serve_behind(self, request: Request) -> Response:
        run, tag, method, layer = (required(request.args, name) for name in ("run", "tag", "method", "layer"))
        step, by = parameters.step(request.args), parameters.aspect(request.args)
        region, group = parameters.region(request.args), parameters.group(request.args)
        with self._studied(request, Key(run, tag, "maps", method, layer)) as studied:

            def make() -> bytes:
                with self._summarising.taken():
                    return packed(behind_json(self._observed(request, studied, step), region, group, by))

            part = (step, by, region, group)
            answer = self._once(request, "behind", ((studied.key, studied.state),), part, make)
        return self._sent(request, answer, "application/json")

    def _observed(self, request: Request, studied: Studied, step: float) -> Observations:
        cohort_of = self._cohorts(_scope(request), studied.key.run, Processor(studied.handed))
        observed = observed_at(studied, step, cohort_of)
        if observed is None:
            raise _nothing_at(studied.key)
        return observed

    def _once(
        self, request: Request, route: str, states: tuple[object, ...], part: object, make: Callable[[], bytes]
    ) -> bytes:
        """Return an answer that is made once for each state of some series."""
        name = (route, _scope(request).experiment, part, states)
        return self._answers.kept(name, 300 * len(states), make)

    @contextmanager
    def _studied(self, request: Request, key: Key) -> Iterator[Studied]:
        """Read what is known of a series of maps, and hold it."""
        scope = _scope(request)
        entry, maps = self._found(request, key)

        def beside(other: Key) -> Loaded | None:
            found = self._store.entry(scope, other)
            return self._store.series(scope, other, found.tags) if found else None

        said, sums = beside(Key(key.run, key.tag, "predictions")), beside(key._replace(kind="sums"))
        studied = Studied(key, entry.map_kind, maps, said, sums)
        size = sum(0 if one is None else one.nbytes for one in (maps, said, sums))
        with self._holding.of(studied.state, size):
            yield studied

    def _cohorts(self, scope: Scope, run: str, processor: Processor) -> CohortOf:
        def cohort_of(digest: str) -> Listing | None:
            processor.expect_some()
            return self._cohort_of(scope, run, digest, processor.hand)

        return cohort_of

    def _summarised(self, scope: Scope, one: Studied, processor: Processor) -> Found:
        cohort_of = self._cohorts(scope, one.key.run, processor)
        found = self._summaries.of(scope.experiment, one, cohort_of, processor)
        plain = lru_cache(maxsize=1)(lambda digest: self._cohort_of(scope, one.key.run, digest, lambda size: None))
        return one.key, found, self._thumbnails.of(scope, one.key.run), maps_of(found, one, plain)

    def _cohort_of(self, scope: Scope, run: str, digest: str, hand: Callable[[int], object]) -> Listing | None:
        blob = self._source.blob(scope, run, Series("cohort", digest=digest))
        hand(len(blob or b""))
        try:
            return None if blob is None else listing_of(blob)
        except (CorruptRecord, NewerFormat):
            return None  # its own route says what is wrong with it

    def _serve_cohort(self, request: Request) -> Response:
        where = _scope(request).experiment, required(request.args, "run"), parameters.digest(request.args)
        return self._sent(
            request, self._answers.kept(where, 0, lambda: self._packed_cohort(request)), "application/json", FOREVER
        )

    def _packed_cohort(self, request: Request) -> bytes:
        with self._store.reading.taken():
            blob = self._blob(request, "cohort")
            try:
                return cohorts.packed(blob)
            except (CorruptRecord, NewerFormat) as error:
                raise Unreadable(f"the list of samples can't be read: {error}") from error

    def _serve_image(self, request: Request) -> Response:
        where = _scope(request).experiment, required(request.args, "run"), parameters.digest(request.args)
        blob, media_type = self._pictures.share(where, lambda: self._picture(request))
        return self._hold(_respond(request, blob, media_type, expires=FOREVER), len(blob))

    def _picture(self, request: Request) -> tuple[bytes, str]:
        with self._reading_pictures.taken():
            blob = self._blob(request, "image")
            picture = _shown(recognised(blob))
            try:
                verify_picture(blob)
            except CorruptRecord as error:
                raise Unreadable(f"the picture is damaged: {error}") from error
            return blob, picture.media_type

    def _sent(
        self, request: Request, content: bytes, media_type: str = "application/octet-stream", expires: int = 0
    ) -> Response:
        response = _respond(request, content, media_type, content_encoding="gzip", expires=expires)
        return self._hold(response, len(content))

    def _hold(self, response: Response, size: int) -> Response:
        """Count an answer until it is sent: slow clients keep theirs in memory."""
        response.call_on_close(self._sending.take(size))
        return response

    def _blob(self, request: Request, kind: Literal["image", "cohort"]) -> bytes:
        run, digest = required(request.args, "run"), parameters.digest(request.args)
        blob = self._source.blob(_scope(request), run, Series(kind, digest=digest))
        if blob is None:
            raise errors.NotFoundError(f"no {kind} {digest} in run={quoted(run)}")
        return blob

    def _serve_index(self, request: Request) -> Response:
        content, media_type = frontend.front_end_file("index.js") or (frontend.NOT_BUILT, "text/javascript")
        return _respond(request, content, media_type)

    def _serve_static(self, request: Request) -> Response:
        name = request.path.partition("/static/")[2]
        # Parts that are loaded later lie in a folder of this name, since index.js asks for them beside itself.
        found = frontend.front_end_file(name) or frontend.front_end_file(f"static/{name}")
        if found is None:
            raise errors.NotFoundError(f"no front-end file {quoted(name)}")
        return _respond(request, *found)


def _cohorts_of(loaded: Loaded) -> list[str]:
    """Return the digests of a series' cohorts, in the order of the steps."""
    return [] if loaded.steps is None else [one.decode() for one in dict.fromkeys(loaded.steps.cohort.tolist())]


def _kept_steps(context: Any, plugin: str = PLUGIN_NAME) -> int | None:
    samples = getattr(getattr(context, "flags", None), "samples_per_plugin", None)
    steps = samples.get(plugin) if isinstance(samples, Mapping) else None
    return steps if isinstance(steps, int) and steps >= 0 else None


def _kept_by_plugin(context: Any) -> Mapping[str, int | None]:
    return {plugin: _kept_steps(context, plugin) for plugin in (PLUGIN_NAME, LATER_PLUGIN_NAME)}


def _patience(context: Any) -> float:
    """Return after how many seconds TensorBoard should have read what was written into a file."""
    interval = getattr(getattr(context, "flags", None), "reload_interval", None)
    return UNREAD_SECONDS + (2 * interval if isinstance(interval, (int, float)) and interval > 0 else 0)


def _scope(request: Request) -> Scope:
    return Scope(plugin_util.context(request.environ), plugin_util.experiment_id(request.environ))


def _mannered(handler: Handler) -> Any:
    """Wrap a handler: GET and HEAD only, and errors in words, without a trace or a path of this machine."""

    def answer(request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            text = f"expected GET or HEAD, got {quoted(request.method)}"
            return _respond(request, text, "text/plain", code=405, headers=[("Allow", "GET, HEAD")])
        try:
            return handler(request)
        except errors.PublicError as error:
            return _respond(request, str(error), "text/plain", code=error.http_code, headers=error.headers)
        except Exception:
            tb_logging.get_logger().exception("Grad-CAM: a request failed")
            text = "the Grad-CAM plugin failed; see TensorBoard's terminal output"
            return _respond(request, text, "text/plain", code=500)

    return Request.application(answer)


def _respond(
    request: Request,
    content: str | bytes,
    media_type: str,
    headers: Sequence[tuple[str, str]] | None = None,
    **arguments: Any,
) -> Response:
    response: Response = http_util.Respond(
        request, content, media_type, headers=[POLICY, *(headers or [])], **arguments
    )
    return response


def _named(key: Key) -> str:
    names = ("run", "tag", *{"predictions": (), "maps": ("method", "layer"), "numbers": ("name",)}[key.kind])
    return ", ".join(f"{name}={quoted(getattr(key, name))}" for name in names)


def _nothing_at(key: Key) -> errors.PublicError:
    return errors.NotFoundError(f"no maps of pictures at or before that step for {_named(key)}")


def _shown(picture: Picture | None) -> Picture:
    if picture is None:
        raise Unreadable("expected a PNG, JPEG or WebP picture, got something else")
    if picture.width * picture.height > IMAGE_PIXELS:
        raise Unreadable(f"the picture claims {picture.width} x {picture.height} pixels, more than a browser can take")
    return picture
