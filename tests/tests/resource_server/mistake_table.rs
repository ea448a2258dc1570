//! The mistakes in a configuration file, each with its nearest good twin and the program's message.

/// A file with every kind of member, all of them good.
pub(crate) const GOOD: &str = r#"listen = "127.0.0.1:0"
framework = "axum"
leeway = 60
profile = "any"
realm = "shop"
sources = ["bearer", "cookie:access_token"]

[[issuers]]
issuer = "https://id.example"
audience = ["shop", "orders"]
sources = ["bearer"]
keys = { jwks_file = "keys.json" }

[management]
listen = "localhost:0"
"#;

pub(crate) const KEYS: &str = r#"{ jwks_file = "keys.json" }"#;
/// A part of the file, its wrong replacement, the nearest good twin, and the message.
pub(crate) const MISTAKES: &[(&str, &str, &str, &str)] = &[
    // The form.
    (
        "leeway = 60",
        "leeway =",
        "leeway = 0",
        "3:9: string values must be quoted, expected literal string",
    ),
    (
        "leeway = 60",
        "leeway = 60\nleeway = 60",
        "leeway = 60\n",
        "4:1: duplicate key",
    ),
    (
        "realm",
        "relam",
        "realm",
        "5:1: unknown field `relam`, expected one of `dpop`, `external_url`, `listen`, `framework`, `leeway`, `log_format`, `management`, `mtls`, `profile`, `realm`, `sources`, `state_dir`, `issuers`, `tenants`",
    ),
    (
        "sources = [\"bearer\"]\n",
        "source = [\"bearer\"]\n",
        "",
        "11:1: unknown field `source`, expected one of `accept`, `any_audience`, `any_issuer`, `issuer`, `audience`, `audience_claim`, `keys`, `profile`, `provider`, `require_claims`, `require_values`, `scope_claim`, `sources`",
    ),
    (
        "jwks_file",
        "jwks-file",
        "jwks_file",
        "12:10: unknown field `jwks-file`, expected one of `discover`, `hs256_secret`, `jwks_file`, `jwks_url`, `private_http`, `root_certificate`, `weak_hs256_secret`",
    ),
    // The top level.
    (
        "\"127.0.0.1:0\"",
        "\"127.0.0.1\"",
        "\"localhost:0\"",
        "1:10: `listen` is an address and a port, like \"127.0.0.1:8080\" or \"[::]:8080\"",
    ),
    (
        "\"127.0.0.1:0\"",
        "8080",
        "\"127.0.0.2:0\"",
        "1:10: expected a text",
    ),
    (
        "\"axum\"",
        "\"rocket\"",
        "\"actix\"",
        "2:13: unknown variant `rocket`, expected `actix` or `axum`",
    ),
    ("\"axum\"", "1", "\"actix\"", "2:13: expected a text"),
    (
        "leeway = 60",
        "log_format = \"xml\"",
        "log_format = \"json\"",
        "3:14: unknown variant `xml`, expected `json` or `text`",
    ),
    (
        "leeway = 60",
        "state_dir = \"keys.json\"",
        "state_dir = \"state/keys\"",
        "3:13: the folder cannot be used: File exists (os error 17)",
    ),
    (
        "60",
        "301",
        "300",
        "3:10: `leeway` is a number of seconds between 0 and 300",
    ),
    (
        "60",
        "-1",
        "0",
        "3:10: `leeway` is a number of seconds between 0 and 300",
    ),
    ("60", "1.5", "1", "3:10: expected a whole number"),
    ("60", "\"60\"", "60", "3:10: expected a whole number"),
    (
        "\"any\"",
        "\"oidc\"",
        "\"at+jwt\"",
        "4:11: unknown variant `oidc`, expected one of `access-token`, `any`, `at+jwt`",
    ),
    (
        "\"shop\"\n",
        "7\n",
        "\"a \\\"shop\\\"\"\n",
        "5:9: expected a text",
    ),
    (
        "[\"bearer\", \"cookie:access_token\"]",
        "[]",
        "\"bearer\"",
        "6:11: `sources` is empty, so nobody could come in",
    ),
    (
        "[\"bearer\"]",
        "[\"bearer\", \"bearer\"]",
        "[\"cookie:a\", \"bearer\"]",
        "11:22: this source stands here twice",
    ),
    (
        "[\"bearer\"]",
        "[\"bearer\", \"cookie:\"]",
        "[\"bearer\", \"cookie:a\"]",
        "11:22: say \"bearer\" or \"cookie:NAME\"",
    ),
    (
        "[\"bearer\"]",
        "[\"cookie:a b\"]",
        "[\"cookie:a_b\"]",
        "11:12: say \"bearer\" or \"cookie:NAME\"",
    ),
    (
        "[\"bearer\"]",
        "[\"query:token\"]",
        "[\"cookie:token\"]",
        "11:12: say \"bearer\" or \"cookie:NAME\"",
    ),
    (
        "[\"bearer\"]",
        "[\"Bearer\"]",
        "[\"bearer\"]",
        "11:12: say \"bearer\" or \"cookie:NAME\"",
    ),
    // The table for the operator.
    (
        "[management]\nlisten",
        "[management]\nport",
        "[management]\nlisten",
        "15:1: unknown field `port`, expected `listen`",
    ),
    (
        "\"localhost:0\"",
        "\"localhost\"",
        "\"[::1]:0\"",
        "15:10: `listen` is an address and a port, like \"127.0.0.1:8080\" or \"[::]:8080\"",
    ),
    (
        "\"localhost:0\"",
        "8081",
        "\"127.0.0.1:0\"",
        "15:10: expected a text",
    ),
    // The issuers.
    (
        KEYS,
        "{ jwks_file = \"keys.json\" }\nprofile = \"id-token\"",
        "{ jwks_file = \"keys.json\" }\nprofile = \"access-token\"",
        "13:11: unknown variant `id-token`, expected one of `access-token`, `any`, `at+jwt`",
    ),
    (
        "[[issuers]]",
        "[[issuers]]\n[[issuers]]",
        "[[issuers]]",
        "8:1: missing field `issuer`",
    ),
    (
        "[[issuers]]",
        "[issuers]",
        "[[issuers]]",
        "8:1: expected an array",
    ),
    (
        "issuer = \"https://id.example\"\n",
        "",
        "issuer = \"anything\"\n",
        "8:1: missing field `issuer`",
    ),
    (
        "\"https://id.example\"",
        "\"\"",
        "\"x\"",
        "9:10: this text is empty",
    ),
    (
        "audience = [\"shop\", \"orders\"]\n",
        "",
        "audience = \"shop\"\n",
        "8:1: missing field `audience`",
    ),
    (
        "[\"shop\", \"orders\"]",
        "\"\"",
        "\"shop\"",
        "10:12: this text is empty",
    ),
    (
        "[\"shop\", \"orders\"]",
        "[]",
        "[\"shop\"]",
        "10:12: there is no audience",
    ),
    (
        "[\"shop\", \"orders\"]",
        "[\"shop\", \"\"]",
        "[\"shop\"]",
        "10:21: this text is empty",
    ),
    (
        "[\"shop\", \"orders\"]",
        "[\"shop\", 1]",
        "[\"shop\", \"1\"]",
        "10:21: expected a text",
    ),
    (
        "[\"shop\", \"orders\"]",
        "true",
        "\"true\"",
        "10:12: expected a text or an array of texts",
    ),
    (
        "[\"shop\", \"orders\"]",
        "\"shop\"\naudience_claim = \"\"",
        "\"shop\"\naudience_claim = \"client_id\"",
        "11:18: this text is empty",
    ),
    (
        "[\"shop\", \"orders\"]",
        "\"shop\"\nscope_claim = \"\"",
        "\"shop\"\nscope_claim = \"scp\"",
        "11:15: this text is empty",
    ),
    // Weakenings, and the fallback.
    (
        "sources = [\"bearer\"]\n",
        "accept = [\"numeric-sub\", \"any\"]\n",
        "accept = [\"numeric-sub\", \"null-claims\"]\n",
        "11:26: `accept` takes \"numeric-sub\" and \"null-claims\"",
    ),
    (
        "sources = [\"bearer\"]\n",
        "any_issuer = true\n",
        "",
        "11:14: `issuer` and `any_issuer` exclude each other",
    ),
    (
        "sources = [\"bearer\"]\n",
        "any_audience = true\n",
        "",
        "11:16: `audience` and `any_audience` exclude each other",
    ),
    (
        "audience = [\"shop\", \"orders\"]",
        "any_audience = false",
        "any_audience = true",
        "10:16: say `true`, or leave the line out",
    ),
    (
        "[management]\n",
        "[[issuers]]\nany_issuer = true\naudience = \"shop\"\nsources = \"bearer\"\nkeys = { jwks_file = \"keys.json\" }\n[management]\n",
        "[[issuers]]\nany_issuer = true\naudience = \"shop\"\nkeys = { jwks_file = \"keys.json\" }\n[management]\n",
        "17:11: with `any_issuer`, tokens count wherever the file lets a request carry one",
    ),
    (
        "[management]\n",
        "[[issuers]]\nany_issuer = true\naudience = \"shop\"\nkeys = { discover = true }\n[management]\n",
        "[[issuers]]\nany_issuer = true\nany_audience = true\nkeys = { jwks_file = \"keys.json\" }\n[management]\n",
        "17:21: `discover` needs `issuer`: say where the keys are",
    ),
    // Tenants.
    (
        "[management]\n",
        "[tenants]\npattern = \"https://id.example\"\nallow = [\"a\"]\naudience = \"shop\"\n[management]\n",
        "[tenants]\npattern = \"https://{tenant}.id.example\"\nallow = [\"a\"]\naudience = \"shop\"\n[management]\n",
        "15:11: ",
    ),
    (
        "[management]\n",
        "[tenants]\npattern = \"https://{tenant}\"\nallow = [\"a\"]\naudience = \"shop\"\n[management]\n",
        "[tenants]\npattern = \"https://{tenant}.example\"\nallow = [\"a\"]\naudience = \"shop\"\n[management]\n",
        "15:11: ",
    ),
    (
        "[management]\n",
        "[tenants]\npattern = \"https://{tenant}.id.example\"\nallow = []\naudience = \"shop\"\n[management]\n",
        "[tenants]\npattern = \"https://{tenant}.id.example\"\nallow = [\"a\"]\naudience = \"shop\"\n[management]\n",
        "16:9: `allow` is empty: there is no tenant who could come in",
    ),
    (
        "[management]\n",
        "[tenants]\npattern = \"https://{tenant}.id.example\"\nallow = [\"a\", \"b/c\"]\naudience = \"shop\"\n[management]\n",
        "[tenants]\npattern = \"https://{tenant}.id.example\"\nallow = [\"a\", \"b-c\"]\naudience = \"shop\"\n[management]\n",
        "16:15: ",
    ),
    (
        "[management]\n",
        "[tenants]\npattern = \"https://{tenant}.id.example\"\nallow = [\"a\"]\n[management]\n",
        "[tenants]\npattern = \"https://{tenant}.id.example\"\nallow = [\"a\"]\nany_audience = true\n[management]\n",
        "14:1: missing field `audience`",
    ),
    (
        "[management]\n",
        "[tenants]\npattern = \"https://{tenant}.id.example\"\nallow = [\"a\"]\naudience = \"shop\"\nprivate_http = true\n[management]\n",
        "[tenants]\npattern = \"http://keycloak:8080/{tenant}\"\nallow = [\"a\"]\naudience = \"shop\"\nprivate_http = true\n[management]\n",
        "18:16: `private_http` is for a pattern that begins with http:",
    ),
    (
        "[management]\n",
        "[tenants]\npattern = \"https://{tenant}.id.example\"\nallow = [\"a\"]\naudience = \"shop\"\nissuer = \"a\"\n[management]\n",
        "[tenants]\npattern = \"https://{tenant}.id.example\"\nallow = [\"a\"]\naudience = \"shop\"\n[management]\n",
        "18:1: unknown field `issuer`, expected one of `allow`, `pattern`, `accept`, `any_audience`, `audience`, `audience_claim`, `private_http`, `profile`, `require_claims`, `require_values`, `root_certificate`, `scope_claim`, `sources`",
    ),
    (
        "[management]\n",
        "[[issuers]]\nany_issuer = true\naudience = \"shop\"\nkeys = { jwks_file = \"keys.json\" }\n[tenants]\npattern = \"https://{tenant}.id.example\"\nallow = [\"a\"]\naudience = \"shop\"\n[management]\n",
        "[tenants]\npattern = \"https://{tenant}.id.example\"\nallow = [\"a\"]\naudience = \"shop\"\n[management]\n",
        "15:14: `any_issuer` and `[tenants]` exclude each other: both are for issuers without a table",
    ),
    // The keys.
    (
        "keys = { jwks_file = \"keys.json\" }\n",
        "",
        "keys.jwks_file = \"keys.json\"\n",
        "8:1: missing field `keys`",
    ),
    (
        KEYS,
        "{}",
        KEYS,
        "12:8: `keys` needs exactly one of `jwks_file`, `jwks_url`, `discover`, `hs256_secret` and `weak_hs256_secret`",
    ),
    (
        KEYS,
        "{ jwks_file = \"keys.json\", hs256_secret = \"env:SECRET\" }",
        "{ hs256_secret = \"env:SECRET\" }",
        "12:8: `keys` needs exactly one of `jwks_file`, `jwks_url`, `discover`, `hs256_secret` and `weak_hs256_secret`",
    ),
    (
        KEYS,
        "\"keys.json\"",
        KEYS,
        "12:8: expected a table like { jwks_url = \"https://..\" }",
    ),
    (
        KEYS,
        "{ jwks_file = \"nowhere.json\" }",
        KEYS,
        "12:22: FOLDER/nowhere.json cannot be read: No such file or directory (os error 2)",
    ),
    (
        KEYS,
        "{ jwks_file = \"weak.json\" }",
        "{ jwks_file = \"symmetric.json\" }",
        "12:22: FOLDER/weak.json: invalid key: the key set has no usable key (weak key: an HS256 secret needs at least 32 bytes, this one has 31: `openssl rand -base64 48` makes one, and `Key::weak_hs256_secret` verifies what an old HS256 one has signed)",
    ),
    (
        KEYS,
        "{ jwks_file = \"api.toml\" }",
        KEYS,
        "12:22: FOLDER/api.toml: invalid key: this is no JWK Set: see line 1, column 1",
    ),
    (
        KEYS,
        "{ hs256_secret = \"hunter2 hunter2 hunter2 hunter2 hunter2\" }",
        "{ hs256_secret = \"env:SECRET\" }",
        "12:25: say \"env:NAME\" or \"file:PATH\": the secret comes from the environment or a file of its own, never from this file",
    ),
    (
        KEYS,
        "{ hs256_secret = \"env:\" }",
        "{ hs256_secret = \"env:SECRET\" }",
        "12:25: say \"env:NAME\" or \"file:PATH\": the secret comes from the environment or a file of its own, never from this file",
    ),
    (
        KEYS,
        "{ hs256_secret = \"env:NOT_SET\" }",
        "{ hs256_secret = \"env:SECRET\" }",
        "12:25: the environment variable NOT_SET is not set",
    ),
    (
        KEYS,
        "{ hs256_secret = \"file:none\" }",
        "{ hs256_secret = \"file:secret\" }",
        "12:25: the file FOLDER/none cannot be read: No such file or directory (os error 2)",
    ),
    (
        KEYS,
        "{ hs256_secret = \"file:weak\" }",
        "{ weak_hs256_secret = \"file:weak\" }",
        "12:25: the file weak cannot be used: weak key: an HS256 secret needs at least 32 bytes, this one has 31: `openssl rand -base64 48` makes one, and `Key::weak_hs256_secret` verifies what an old HS256 one has signed",
    ),
    (
        KEYS,
        "{ hs256_secret = \"env:WEAK\" }",
        "{ hs256_secret = \"env:SECRET\" }",
        "12:25: the environment variable WEAK cannot be used: weak key: an HS256 secret needs at least 32 bytes, this one has 31: `openssl rand -base64 48` makes one, and `Key::weak_hs256_secret` verifies what an old HS256 one has signed",
    ),
    (
        KEYS,
        "{ weak_hs256_secret = \"env:NOT_SET\" }",
        "{ weak_hs256_secret = \"env:WEAK\" }",
        "12:30: the environment variable NOT_SET is not set",
    ),
    (
        KEYS,
        "{ weak_hs256_secret = \"hunter2\" }",
        "{ weak_hs256_secret = \"env:WEAK\" }",
        "12:30: say \"env:NAME\" or \"file:PATH\": the secret comes from the environment or a file of its own, never from this file",
    ),
    (
        KEYS,
        "{ hs256_secret = \"env:SECRET\", weak_hs256_secret = \"env:WEAK\" }",
        "{ hs256_secret = \"env:SECRET\" }",
        "12:8: `keys` needs exactly one of `jwks_file`, `jwks_url`, `discover`, `hs256_secret` and `weak_hs256_secret`",
    ),
    (
        KEYS,
        "{ jwks_url = \"http://192.0.2.1/jwks\", private_http = true }",
        "{ jwks_url = \"http://10.0.0.7/jwks\", private_http = true }",
        "12:21: invalid setting: \"http://192.0.2.1/jwks\": http is only for private addresses: use https",
    ),
    (
        KEYS,
        "{ jwks_url = \"http://keycloak:9/jwks\", private_http = false }",
        "{ jwks_url = \"http://keycloak:9/jwks\", private_http = true }",
        "12:21: invalid setting: \"http://keycloak:9/jwks\": http is only for a loopback host: use https, or allow it in a private network with `private_http`",
    ),
    (
        KEYS,
        "{ jwks_file = \"keys.json\", private_http = true }",
        KEYS,
        "12:50: `private_http` goes with `jwks_url` and `discover` only",
    ),
    (
        KEYS,
        "{ discover = false }",
        KEYS,
        "12:21: say `discover = true`, or where the keys are",
    ),
    (
        KEYS,
        "{ jwks_url = \"http://id.example/jwks\" }",
        "{ jwks_url = \"http://127.0.0.1:9/jwks\" }",
        "12:21: invalid setting: \"http://id.example/jwks\": http is only for a loopback host: use https, or allow it in a private network with `private_http`",
    ),
    (
        KEYS,
        "{ jwks_url = \"id.example/jwks\" }",
        "{ jwks_url = \"https://127.0.0.1:9/jwks\" }",
        "12:21: ",
    ),
    (
        "\"https://id.example\"\naudience = [\"shop\", \"orders\"]\nsources = [\"bearer\"]\nkeys = { jwks_file = \"keys.json\" }",
        "\"id.example\"\naudience = \"shop\"\nkeys = { discover = true }",
        "\"https://127.0.0.1:9\"\naudience = \"shop\"\nkeys = { discover = true }",
        "9:10: ",
    ),
    (
        KEYS,
        "{ jwks_file = \"keys.json\", root_certificate = \"root.pem\" }",
        "{ jwks_url = \"https://127.0.0.1:9\", root_certificate = \"root.pem\" }",
        "12:54: `root_certificate` goes with `jwks_url` and `discover` only",
    ),
    (
        KEYS,
        "{ jwks_url = \"https://127.0.0.1:9\", root_certificate = \"keys.json\" }",
        "{ jwks_url = \"https://127.0.0.1:9\", root_certificate = \"root.pem\" }",
        "12:63: FOLDER/keys.json: invalid setting: there is no certificate in the PEM of the roots",
    ),
    // Presets.
    (
        "issuer = \"https://id.example\"\n",
        "issuer = \"https://id.example\"\nprovider = \"google\"\n",
        "provider = \"google\"\n",
        "9:10: `issuer` and `provider` exclude each other",
    ),
    (
        "issuer = \"https://id.example\"\n",
        "provider = \"gogle\"\n",
        "provider = \"google\"\n",
        "9:12: ",
    ),
    (
        "issuer = \"https://id.example\"\n",
        "provider = { firebase = { project = \"Shop\" } }\n",
        "provider = { firebase = { project = \"shop-1\" } }\n",
        "9:12: ",
    ),
    (
        "issuer = \"https://id.example\"\n",
        "provider = { spiffe = { trust_domain = \"Example.org\", bundle = \"https://127.0.0.1:9\" } }\n",
        "provider = { spiffe = { trust_domain = \"example.org\", bundle = \"https://127.0.0.1:9\" } }\n",
        "9:12: ",
    ),
    (
        "issuer = \"https://id.example\"\n",
        "provider = { aws-alb = { signer = \"arn:aws:iam::1:role/x\", issuer = \"https://id.example\" } }\n",
        "provider = \"google\"\n",
        "9:12: ",
    ),
    (
        "issuer = \"https://id.example\"\n",
        "provider = { firebase = {} }\n",
        "provider = { firebase = { project = \"shop-1\" } }\n",
        "9: ",
    ),
    (
        "issuer = \"https://id.example\"\n",
        "provider = { firebase = { project = \"shop-1\", team = \"shop\" } }\n",
        "provider.firebase.project = \"shop-1\"\n",
        "9: ",
    ),
    (
        "issuer = \"https://id.example\"\n",
        "provider = { cloudflare-access = { team = \"shop\" } }\n",
        "provider = { zitadel = { domain = \"id.example\" } }\n",
        "11:11: `sources` is for other providers: this one says where its tokens are",
    ),
    (
        "issuer = \"https://id.example\"\n",
        "provider = \"google\"\naudience_claim = \"azp\"\n",
        "provider = \"github-actions\"\n",
        "10:18: `audience_claim` and `provider` exclude each other",
    ),
    (
        "issuer = \"https://id.example\"\n",
        "provider = \"google\"\nany_issuer = true\n",
        "provider = \"github-actions\"\nrequire_values = { repository_id = \"74\" }\n",
        "10:14: `any_issuer` and `provider` exclude each other",
    ),
];
