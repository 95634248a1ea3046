//! A node that is cut off from the others: it serves nobody until it knows again what happened meanwhile.

use crate::cluster::{Cluster, Tie};
use crate::hub::Hub;

/// Takes the node out of service whenever it is cut off, and back once it has caught up.
pub(super) async fn watch_over(cluster: Cluster, hub: Hub) {
    let mut ties = cluster.tie();
    // An error says that the cluster was left.
    while ties.wait_for(|tie| *tie == Tie::CutOff).await.is_ok() {
        tracing::error!("cut off from the other nodes: clients are sent elsewhere, and nobody is served");
        hub.cut_off();
        cluster.refresh();
        if ties.wait_for(|tie| *tie == Tie::Held).await.is_err() {
            return;
        }
        hub.rejoin();
        cluster.refresh();
        tracing::info!("among the other nodes again");
    }
}
