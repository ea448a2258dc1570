//! actix-web.

use std::{net::SocketAddr, sync::mpsc, thread};

use actix_web::{App, HttpRequest, HttpServer, rt::System, web};
use countersign::adapter::RequestHead;
use countersign_actix::{Head, client_certificate};
use rustls::ServerConfig;
use tokio::runtime::Runtime;

use crate::{Http, Server, check};

struct Actix;

#[test]
fn a_handler_sees_the_certificate_under_actix_web() {
    check::<Actix>();
}

async fn show(request: HttpRequest) -> String {
    let head = Head::from(&request);
    let certificate = head.client_certificate();
    certificate.map_or("none".into(), |own| own.thumbprint().to_string())
}

impl Server for Actix {
    const HTTP: Http = Http::One;

    fn start(_runtime: &Runtime, config: ServerConfig) -> SocketAddr {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            System::new().block_on(async move {
                let server = HttpServer::new(|| App::new().default_service(web::to(show)))
                    .on_connect(client_certificate)
                    .workers(1)
                    .disable_signals()
                    .bind_rustls_0_23(("127.0.0.1", 0), config)
                    .unwrap();
                sender.send(server.addrs()[0]).unwrap();
                server.run().await
            })
        });
        receiver.recv().unwrap()
    }
}
