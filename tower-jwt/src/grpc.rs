//! Refusals as gRPC statuses.

use countersign::AuthError;
use http::{HeaderName, HeaderValue, Response, header::CONTENT_TYPE};

use crate::response::ResponseForAuthError;

/// Answers refusals as gRPC does: HTTP 200, no body, the status in `grpc-status`.
///
/// The response is "trailers-only" (gRPC over HTTP/2, "Responses"). `grpc-message` has the public
/// text; `WWW-Authenticate` and `Retry-After` come along as metadata.
///
/// | HTTP status elsewhere | gRPC status |
/// |---|---|
/// | 400, 401 | 16 `UNAUTHENTICATED` |
/// | 403 | 7 `PERMISSION_DENIED` |
/// | 500 | 13 `INTERNAL` |
/// | 503 | 14 `UNAVAILABLE` |
///
/// For gRPC-Web, `tonic_web::GrpcWebLayer` has to be outside of the layer, and CORS outside of both. CORS has
/// to expose `grpc-status` and `grpc-message`: a response without a body has them in its head.
///
/// It makes every body whose default is empty: that of tonic, for example. A handler finds the
/// token in the extensions of its request.
///
/// # Examples
///
/// ```
/// use countersign_tower::{GrpcStatus, JwtAuthLayer};
/// # let verifier = countersign::testing::TestIssuer::new().verifier();
///
/// // tonic::transport::Server::builder().layer(layer) ..
/// let layer = JwtAuthLayer::new(verifier).with_rejection_response(GrpcStatus);
/// # fn is_layer<S>(_: impl tower_layer::Layer<S>) {}
/// # is_layer::<()>(layer);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct GrpcStatus;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

impl<B: Default> ResponseForAuthError<B> for GrpcStatus {
    fn response_for_auth_error(&self, error: &AuthError) -> Response<B> {
        let kind = error.kind();
        let mut response = Response::new(B::default());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(GRPC_STATUS, kind.grpc_code().into());
        // Percent-encoded text is visible ASCII and spaces, which are valid in every header.
        if let Ok(message) = HeaderValue::from_str(&percent_encode(kind.message())) {
            headers.insert(GRPC_MESSAGE, message);
        }
        response
    }
}

/// Encodes all but visible ASCII and spaces, and the percent sign (gRPC over HTTP/2, `Percent-Encoded`).
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visible_ascii_and_spaces_stay_as_they_are() {
        assert_eq!(
            percent_encode("the token has expired~"),
            "the token has expired~"
        );
    }

    #[test]
    fn everything_else_and_the_percent_sign_are_encoded() {
        assert_eq!(percent_encode("100%\n\u{e9}"), "100%25%0A%C3%A9");
    }
}
