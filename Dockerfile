# The native server in an image with nothing else in it:
#
#     make page        # optional: the page for people
#     docker build -t recompress .
#     docker run --rm -p 8787:8787 recompress

FROM rust:1-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /recompress
# .dockerignore keeps this to the sources and the page.
COPY . .
RUN cargo build --locked --release -p recompress-cli $(test ! -d build/assets || echo --features page)

FROM scratch
COPY --from=build /recompress/target/release/recompress /recompress
# Not root, and no such user is needed.
USER 65534:65534
EXPOSE 8787
ENTRYPOINT ["/recompress"]
CMD ["serve", "--address", "0.0.0.0"]
