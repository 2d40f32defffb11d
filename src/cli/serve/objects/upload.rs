//! A large object on its way into a store.

use std::{future::ready, mem, sync::Arc};

use bytes::{Buf, Bytes};
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, path::Path};
use recompress_http::store::{Later, PART_BYTES, Parts, StoreError};
use tokio::runtime::Handle;

use super::{failed, tag};

/// An object that fits one part is written whole, which is one request of S3 instead of three.
pub struct Upload {
    store: Arc<dyn ObjectStore>,
    path: Path,
    /// Begun when there is more than one part.
    parts: Option<Box<dyn MultipartUpload>>,
    /// The pieces of the next part, and their length.
    pieces: Vec<Bytes>,
    length: usize,
}

impl Upload {
    /// [`recompress_http::store::Store::begin`].
    pub fn begin(store: Arc<dyn ObjectStore>, path: Path) -> Later<'static, Result<Box<dyn Parts>, StoreError>> {
        let upload: Box<dyn Parts> = Box::new(Self { store, path, parts: None, pieces: Vec::new(), length: 0 });
        Box::pin(ready(Ok(upload)))
    }

    fn take_part(&mut self) -> PutPayload {
        self.length = 0;
        PutPayload::from_iter(mem::take(&mut self.pieces))
    }

    async fn send(&mut self) -> Result<(), StoreError> {
        if self.parts.is_none() {
            self.parts = Some(self.store.put_multipart(&self.path).await.map_err(failed)?);
        }
        let part = self.take_part();
        self.parts.as_mut().expect("it is begun").put_part(part).await.map_err(failed)
    }
}

impl Parts for Upload {
    fn write<'a>(&'a mut self, mut bytes: Bytes) -> Later<'a, Result<(), StoreError>> {
        Box::pin(async move {
            // Each turn fills a part, or takes the rest.
            while bytes.has_remaining() {
                if self.length == PART_BYTES {
                    self.send().await?;
                }
                let piece = bytes.split_to(bytes.len().min(PART_BYTES - self.length));
                self.length += piece.len();
                self.pieces.push(piece);
            }
            Ok(())
        })
    }

    fn finish(mut self: Box<Self>) -> Later<'static, Result<String, StoreError>> {
        Box::pin(async move {
            if self.parts.is_none() {
                let whole = self.take_part();
                return Ok(tag(self.store.put(&self.path, whole).await.map_err(failed)?.e_tag));
            }
            if self.length > 0 {
                self.send().await?;
            }
            let tag_of = match self.parts.as_mut().expect("it was begun").complete().await {
                Ok(written) => written.e_tag,
                // A try whose answer was lost has perhaps completed it: nothing else has this key.
                Err(error) => self.store.head(&self.path).await.map_err(|_| failed(error))?.e_tag,
            };
            // A finished upload is not aborted.
            self.parts = None;
            Ok(tag(tag_of))
        })
    }

    fn abort(mut self: Box<Self>) -> Later<'static, ()> {
        Box::pin(async move {
            if let Some(mut parts) = self.parts.take() {
                // What this leaves of a folder, `forget_unfinished` deletes; of a bucket, its rule for unfinished uploads.
                let _ = parts.abort().await;
            }
        })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // At the end of the process there is no runtime.
        if let (Some(mut parts), Ok(runtime)) = (self.parts.take(), Handle::try_current()) {
            runtime.spawn(async move { parts.abort().await });
        }
    }
}
