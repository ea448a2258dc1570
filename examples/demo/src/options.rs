//! The command line of both quick starts.

use std::{io, net::SocketAddr};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use countersign::Algorithm;

/// A server with a login and a few protected routes.
#[derive(Clone, Debug, clap::Parser)]
#[non_exhaustive]
pub struct Options {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// Algorithm of the tokens; HS256 reads its secret from JWT_SECRET
    #[arg(long, value_name = "NAME", default_value = "HS256", value_parser = algorithm())]
    pub alg: Algorithm,
}

impl Options {
    /// Reads the command line. On a mistake in it, or for `--help`, the process ends.
    #[must_use]
    pub fn from_args() -> Self {
        clap::Parser::parse()
    }

    /// What was bound to [`listen`](Self::listen); an error ends the process with one line and the
    /// exit code 2.
    #[must_use]
    pub fn bound_or_exit<T>(&self, bound: io::Result<T>) -> T {
        bound_or_exit(self.listen, bound)
    }
}

/// What was bound to the address; an error ends the process with one line and the exit code 2.
pub fn bound_or_exit<T>(address: SocketAddr, bound: io::Result<T>) -> T {
    bound.unwrap_or_else(|error| {
        crate::exit(format_args!(
            "cannot listen on {address}: {error}; choose another address with --listen"
        ))
    })
}

/// The algorithms that the examples sign with, for a command line.
#[must_use]
pub fn algorithm() -> impl TypedValueParser<Value = Algorithm> {
    PossibleValuesParser::new(["HS256", "RS256", "ES256", "EdDSA"])
        .try_map(|name| name.parse::<Algorithm>())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn parse(args: &[&str]) -> Result<Options, clap::Error> {
        Options::try_parse_from([&["quickstart"], args].concat())
    }

    #[test]
    fn without_arguments_it_is_hs256_on_port_3000_of_this_machine_only() {
        let options = parse(&[]).unwrap();
        assert_eq!(options.listen.to_string(), "127.0.0.1:3000");
        assert_eq!(options.alg, Algorithm::HS256);
    }

    #[test]
    fn each_listed_algorithm_can_be_chosen() {
        for name in ["HS256", "RS256", "ES256", "EdDSA"] {
            let options = parse(&["--alg", name]).unwrap();
            assert_eq!(options.alg.name(), name);
        }
    }

    #[test]
    fn another_algorithm_is_refused() {
        assert!(parse(&["--alg", "none"]).is_err());
    }
}
