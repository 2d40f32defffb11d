"""Archives for schemathesis, and rules about the options that OpenAPI cannot express."""

import io
import zipfile

import schemathesis
from hypothesis import strategies as st


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zip:
        for name, contents in members.items():
            zip.writestr(name, contents)
    return buffer.getvalue()


names = st.text("abcdefghij", min_size=1, max_size=8)
texts = st.sampled_from([b"a=1 b={ c=2 c=3 }", b"EU4txt\ndate=1444.11.11", b"a={ 1 2 3 }", b""])
saves = texts.map(lambda text: archive({"meta": b"x=1", "gamestate": text}))
archives = st.one_of(st.dictionaries(names, st.binary(max_size=2000), max_size=4).map(archive), saves)
schemathesis.openapi.media_type("application/zip", archives)
# The file of a form.
schemathesis.openapi.format("binary", archives)


# A digest that is none, a tag, and a cursor of no page: what is taken and what is refused is tested elsewhere.
schemathesis.openapi.format("digest", st.sampled_from(["sha-256=:AAAA:", "md5=:AAAA:"]))
schemathesis.openapi.format("etag", st.sampled_from(["*", '"x"']))
schemathesis.openapi.format("cursor", st.sampled_from(["archives/a", "x"]))

# Names of members, and names that no member has.
schemathesis.openapi.format("member", names)
schemathesis.openapi.format("save-path", st.sampled_from(["/", "/a", "/b/c", "/b/*", "/a/0"]))
schemathesis.openapi.format("glob", st.one_of(names, st.sampled_from(["*", "**", "?", "a*", "*/b", "a\\[b"])))


def places(case, option):
    """Where a case gives an option."""
    form = case.body if isinstance(case.body, dict) else {}
    all = [(form, option), (case.query or {}, option), (case.headers or {}, f"Recompress-{option.capitalize()}")]
    return [(place, key) for place, key in all if key in place]


# A case gives each of these in one place.
ONCE = ("quality", "lgwin", "mode", "first", "names", "directory", "seekable", "report", "member", "keys", "narrow", "encoding", "lines", "unknown", "meta", "expires", "name")


@schemathesis.hook
def filter_case(context, case):
    """Leaves out forms with a field that is no option: the service ignores it, and OpenAPI has no word for that."""
    return not isinstance(case.body, dict) or not set(case.body) - {*ONCE, "include", "exclude", "select", "file"}


@schemathesis.hook
def map_case(context, case):
    """Gives each option once, selects the member that comes first, and puts a form's file last."""
    for option in ONCE:
        for place, key in places(case, option)[1:]:
            del place[key]
    if places(case, "first"):
        for place, key in places(case, "include") + places(case, "exclude"):
            del place[key]
    # Low qualities and small windows have no index.
    if any(place[key] == "1" for place, key in places(case, "seekable")):
        for place, key in places(case, "quality") + places(case, "lgwin"):
            del place[key]
    if isinstance(case.body, dict) and "file" in case.body:
        case.body["file"] = case.body.pop("file")
    return case
