//! API keys beside sessions, with actix-web.

use actix_web::{Scope, web};
use countersign::{
    Authenticator, ConfigError, MemoryStore, SessionRoutes, Sessions, session::ApiKeys,
};
use countersign_actix::{JwtAuth, Token, session_routes};

use crate::sign_in; // your own

async fn orders(Token(token): Token) -> String {
    token.subject().unwrap_or_default().to_owned()
}

pub(crate) fn with_api_keys(
    sessions: Sessions,
    store: MemoryStore,
    pepper: &[u8],
) -> Result<Scope, ConfigError> {
    let keys = ApiKeys::builder(store, pepper).build()?;
    let authenticator = Authenticator::new(sessions.verifier()).opaque_tokens(&keys)?;
    let routes = SessionRoutes::json(sessions, sign_in).api_keys(keys);
    let orders = web::resource("/orders").wrap(JwtAuth::new(authenticator));
    let app = web::scope("")
        .service(orders.route(web::get().to(self::orders)))
        .service(session_routes("/session", routes));
    Ok(app)
}
