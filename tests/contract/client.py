"""Uses the Python client that openapi-python-client generated: client.py ORIGIN ZIP OUTPUT."""

import sys
from io import BytesIO

from generated import Client
from generated.api.default import convert, estimate, health, inspect
from generated.models import BrokenProblem, Estimate, Health, Listing, NotZipProblem
from generated.types import File

origin, zip_path, output_path = sys.argv[1:]
with open(zip_path, "rb") as file:
    zip = file.read()
client = Client(base_url=origin)

# No default of the generated client may get in the way of a header, and the other way round.
tarball = convert.sync(client=client, body=File(payload=BytesIO(zip)), quality="5", lgwin="18")
assert isinstance(tarball, File), tarball
with open(output_path, "wb") as file:
    file.write(tarball.payload.read())
by_header = convert.sync_detailed(client=client, body=File(payload=BytesIO(zip)), recompress_quality="5", recompress_lgwin="18")
assert by_header.status_code == 200 and by_header.headers["Recompress-Quality"] == "5"

refused = convert.sync(client=client, body=File(payload=BytesIO(b"no zip at all")))
assert isinstance(refused, NotZipProblem) and refused.code == "not_zip" and refused.status == 415, refused
cut = convert.sync(client=client, body=File(payload=BytesIO(zip[:-1])))
assert isinstance(cut, BrokenProblem) and cut.code == "truncated", cut

listing = inspect.sync(client=client, body=File(payload=BytesIO(zip)))
assert isinstance(listing, Listing) and listing.totals.members == len(listing.members) > 0, listing
expected = estimate.sync(client=client, zip_bytes=len(zip), unpacked_bytes=listing.totals.size, quality="auto")
assert isinstance(expected, Estimate) and expected.output_bytes > 0, expected
state = health.sync(client=client)
assert isinstance(state, Health) and state.budget_bytes > 0, state
