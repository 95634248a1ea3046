//! Reading entries at known places, some at once, for those who come back.

use std::sync::Arc;

use async_nats::jetstream::stream::DirectGetErrorKind;
use futures_util::StreamExt as _;
use futures_util::stream;
use sanmon_core::entry::Entry;
use sanmon_core::event::Seq;

use super::{JetStream, follower, message};
use crate::store::StoreError;

/// Entries that one reader asks for at once.
const AT_ONCE: usize = 64;

impl JetStream {
    /// Reads the entries at these places, in this order; places that are no longer held are left out.
    ///
    /// # Errors
    /// [`StoreError::Log`].
    pub(crate) async fn at(&self, places: &[Seq]) -> Result<Vec<Arc<Entry>>, StoreError> {
        let unavailable = |error: String| StoreError::Log(format!("JetStream gave no entry: {error}"));
        let stream = self.stream().await.map_err(|error| unavailable(error.to_string()))?;
        let wanted: Vec<(Seq, u64)> =
            places.iter().filter_map(|place| Some((*place, self.sequence(*place)?))).collect();
        let mut found = Vec::with_capacity(wanted.len());
        let mut reads = stream::iter(wanted)
            .map(|(place, sequence)| {
                let stream = &stream;
                async move { (place, stream.direct_get(sequence).await) }
            })
            .buffered(AT_ONCE);
        while let Some((place, read)) = reads.next().await {
            match read {
                Ok(read) => {
                    let at = follower::millis(read.time.unix_timestamp_nanos());
                    found.push(Arc::new(message::entry(&read.payload, place, at)));
                }
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => {}
                Err(error) => return Err(unavailable(error.to_string())),
            }
        }
        Ok(found)
    }
}
