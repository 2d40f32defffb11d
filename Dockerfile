# The native server in an image with nothing else in it:
#
#     docker build -t recompress .
#     docker run --rm -p 8787:8787 recompress

FROM rust:1-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /recompress
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY tests/testkit tests/testkit
RUN cargo build --locked --release -p recompress-cli

FROM scratch
COPY --from=build /recompress/target/release/recompress /recompress
# Not root, and no such user is needed.
USER 65534:65534
EXPOSE 8787
ENTRYPOINT ["/recompress"]
CMD ["serve", "--address", "0.0.0.0"]
