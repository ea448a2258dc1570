//! Several processes over one store.

#[allow(dead_code)] // compiled for any store; the suites of the stores run it
async fn several<S>(issuer: countersign::Issuer, store: S) -> Result<countersign::Sessions, countersign::ConfigError>
where
    S: countersign::session::store::SessionStore + countersign::revocation::RevocationLog,
{
    use countersign::{Revocation, Sessions};

    let revocation = Revocation::replica().build()?;        // answers 503 when it has not heard from the log for 10 s
    tokio::spawn(revocation.follow(store.clone()));
    let sessions = Sessions::builder(issuer, store).revocation(revocation).build()?;
    Ok(sessions)
}
