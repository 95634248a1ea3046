//! A node that is cut off from the others: it serves nobody until it knows again what happened meanwhile.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::cluster::{Cluster, Tie};
use crate::hub::Hub;
use crate::store::Store;

/// How long to wait before the log is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// Takes the node out of service whenever it is cut off, and back once it has caught up.
pub(super) async fn watch_over(cluster: Cluster, hub: Hub, store: Store) {
    let mut ties = cluster.tie();
    // There is no error while the cluster is there, and this task holds it.
    while ties.wait_for(|tie| *tie == Tie::CutOff).await.is_ok() {
        tracing::error!("cut off from the other nodes: clients are sent elsewhere, and nobody is served");
        hub.cut_off();
        cluster.refresh();
        if !has_caught_up(&mut ties, &store).await {
            return;
        }
        hub.rejoin();
        cluster.refresh();
        tracing::info!("among the other nodes again");
    }
}

/// Waits until the node is among the others again and has met all that it missed; whether there was no leaving meanwhile.
async fn has_caught_up(ties: &mut watch::Receiver<Tie>, store: &Store) -> bool {
    loop {
        if ties.wait_for(|tie| *tie == Tie::Held).await.is_err() {
            return false;
        }
        tokio::select! {
            caught_up = store.caught_up() => match caught_up {
                Ok(()) => return true,
                Err(_) => sleep(ASK_AGAIN).await,
            },
            // Cut off once more: all begins anew.
            goes_on = async { ties.wait_for(|tie| *tie == Tie::CutOff).await.is_ok() } => if !goes_on {
                return false;
            },
        }
    }
}
