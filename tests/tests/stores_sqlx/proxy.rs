//! A network that can fall silent.

use std::net::SocketAddr;

use tokio::{
    io,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Passes connections on to a server. On command, the open ones fall silent: no more bytes come
/// through, and neither side is notified, as when a machine is gone. New ones pass.
pub(crate) struct Proxy {
    address: SocketAddr,
    silence: watch::Sender<u32>,
}

impl Proxy {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (silence, _) = watch::channel(0);
        let silences = silence.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut silent = silences.subscribe();
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    tokio::select! {
                        _ = io::copy_bidirectional(&mut client, &mut server) => {}
                        _ = silent.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self { address, silence }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Lets nothing more through on the connections that are open now.
    pub(crate) fn fall_silent(&self) {
        self.silence.send_modify(|count| *count += 1);
    }
}
