//! The certificate of the client, from the TLS connection to its requests.

use std::any::Any;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::{dev::Extensions, rt::net::TcpStream};
use countersign::proof::ClientCertificate;

/// Keeps the certificate of the client with its connection: for `HttpServer::on_connect`.
///
/// Connections by `bind_rustls_0_23` and `listen_rustls_0_23` are known, others have no certificate. The server asks for
/// certificates if its `ServerConfig` does: see [`AnyClientCertificate`](countersign::proof::AnyClientCertificate). A handler
/// finds it by `HttpRequest::conn_data`.
///
/// # Examples
///
/// ```
/// use actix_web::{App, HttpServer};
/// use countersign_actix::client_certificate;
///
/// let server = HttpServer::new(App::new).on_connect(client_certificate);
/// # drop(server);
/// ```
pub fn client_certificate(connection: &dyn Any, extensions: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() else {
        return;
    };
    if let Some(certificate) = ClientCertificate::of_connection(stream.get_ref().1) {
        extensions.insert(certificate);
    }
}
