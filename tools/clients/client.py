"""Sends FILE to URL with a Python client and writes the answer to OUT: client.py CLIENT URL FILE OUT. Fails unless the status is 200."""
import sys

CLIENT, URL, FILE, OUT = sys.argv[1:]
SECONDS = 110


def pieces():
    with open(FILE, "rb") as file:
        while piece := file.read(1 << 16):
            yield piece


def with_requests(**body):
    import requests

    answer = requests.post(URL, timeout=SECONDS, **body)
    return answer.status_code, answer.content


def with_httpx():
    import httpx

    answer = httpx.post(URL, content=pieces(), timeout=SECONDS)
    return answer.status_code, answer.content


def with_aiohttp():
    import asyncio

    import aiohttp

    async def post():
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session:
            async with session.post(URL, data=open(FILE, "rb")) as answer:
                return answer.status, await answer.read()

    return asyncio.run(post())


def with_http_client():
    import http.client
    from urllib.parse import urlsplit

    url = urlsplit(URL)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=SECONDS)
    connection.request("POST", f"{url.path}?{url.query}", body=open(FILE, "rb"))
    answer = connection.getresponse()
    return answer.status, answer.read()


def with_urllib():
    import urllib.request

    request = urllib.request.Request(URL, data=open(FILE, "rb").read())
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return answer.status, answer.read()


CLIENTS = {
    "requests": lambda: with_requests(data=open(FILE, "rb")),
    "requests-generator": lambda: with_requests(data=pieces()),
    "requests-form": lambda: with_requests(files={"file": open(FILE, "rb")}),
    "httpx": with_httpx,
    "aiohttp": with_aiohttp,
    "http.client": with_http_client,
    "urllib": with_urllib,
}
try:
    status, body = CLIENTS[CLIENT]()
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
if status != 200:
    sys.exit(f"{status}: {body[:200]}")
open(OUT, "wb").write(body)
