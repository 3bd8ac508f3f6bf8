use super::*;
use crate::auth::scope_map::ScopeMapError;
use crate::domain::Scope;

fn scopes_of(map: &str, claims: &Value) -> Vec<String> {
    let mut settings = settings(KeySource::Secret(SECRET.into()));
    settings.scope_map = ScopeMap::parse(map).unwrap();
    settings.scope_claims = ["scope", "groups", "/realm_access/roles"]
        .map(|path| path.parse().unwrap())
        .to_vec();
    let token = secret_signed(r#"{"alg":"HS256"}"#, claims_with(claims).to_string());
    let verifier = Verifier::new(settings).unwrap();
    let scopes = verifier.verify_at(&token, now()).at_once().unwrap().scopes;
    scopes
        .into_iter()
        .filter(|scope| Scope::all().iter().any(|one| one.as_str() == scope))
        .collect()
}

#[test]
fn roles_and_groups_stand_for_scopes_exactly_as_mapped() {
    const MAP: &str =
        "moderators=action:kick_login action:kick_seat; CN=Audit,OU=T&S,DC=example=audit:read ;";
    for (claims, expected) in [
        (
            json!({"scope": null, "groups": ["moderators"]}),
            vec!["action:kick_login", "action:kick_seat"],
        ),
        (
            json!({"scope": null, "groups": ["CN=Audit,OU=T&S,DC=example"]}),
            vec!["audit:read"],
        ),
        (
            json!({"scope": null, "realm_access": {"roles": ["moderators", "offline_access"]}}),
            vec!["action:kick_login", "action:kick_seat"],
        ),
        (
            json!({"scope": "moderators openid"}),
            vec!["action:kick_login", "action:kick_seat"],
        ),
        // What is a scope already stays one.
        (
            json!({"scope": "audit:read", "groups": ["moderators"]}),
            vec!["action:kick_login", "action:kick_seat", "audit:read"],
        ),
        // Neither case nor a part nor a space makes it the same group.
        (json!({"scope": null, "groups": ["Moderators"]}), vec![]),
        (
            json!({"scope": null, "groups": ["moderator", "moderators ", "moderators2"]}),
            vec![],
        ),
        (
            json!({"scope": null, "groups": {"moderators": {"org": "acme.example"}, "Moderators": true}}),
            vec!["action:kick_login", "action:kick_seat"],
        ),
        (json!({"scope": null, "groups": [["moderators"]]}), vec![]),
    ] {
        assert_eq!(scopes_of(MAP, &claims), expected, "{claims}");
    }
}

#[test]
fn a_map_that_says_nothing_clear_is_refused() {
    use ScopeMapError::{ControlCharacter, Form, NoScope, Twice};
    for (text, error) in [
        ("moderators", Form),
        ("moderators=", Form),
        ("=audit:read", Form),
        ("a=audit:read;b", Form),
        ("a=audit:reed", NoScope("audit:reed".to_owned())),
        (
            "a=audit:read,action:kick_seat",
            NoScope("audit:read,action:kick_seat".to_owned()),
        ),
        ("a=audit:read;a=action:kick_seat", Twice("a".to_owned())),
        ("a\r\nb=audit:read", ControlCharacter("a\r\nb".to_owned())),
    ] {
        let faults = ScopeMap::parse(text).map_err(|faults| {
            let faults = faults.into_iter().map(|(_, fault)| fault);
            faults.collect::<Vec<_>>()
        });
        assert_eq!(faults, Err(vec![error]), "{text}");
    }
    assert_eq!(ScopeMap::parse(""), Ok(ScopeMap::default()));
    let several = "a=audit:read;b;c=audit:reed x=y;a=action:kick_seat";
    let all = [
        (2, Form),
        (3, NoScope("y".to_owned())),
        (4, Twice("a".to_owned())),
    ];
    assert_eq!(ScopeMap::parse(several), Err(all.to_vec()));
}
