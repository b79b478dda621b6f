//! Tables and JSON that other programs made: what is certain is read, all else is refused with one message.

use crate::common::Account;

/// The ids that a line finds in an input.
#[track_caller]
fn ids(account: &Account, line: &str, input: impl AsRef<[u8]>) -> Vec<String> {
    let ran = account.feed(line, &input).succeeds();
    ran.each("id")
}

/// Asserts that an input is refused with a single message.
#[track_caller]
fn one_message(account: &Account, line: &str, input: impl AsRef<[u8]>, wanted: &str) {
    let ran = account.feed(line, &input).exits(2).prints("").says(wanted);
    let others =
        ran.err.lines().filter(|l| !l.contains("the same mistake") && !l.contains("nothing was changed"));
    assert_eq!(others.count(), 1, "{:?}{ran}", String::from_utf8_lossy(input.as_ref()));
}

#[test]
fn tables_with_known_names_are_read() {
    let account = Account::new();
    for input in [
        "kind;id\nauthz;a1\nauthz;a2\n",
        "kind\tid\nauthz\ta1\nauthz\ta2\n",
        "Kind,ID\nauthz,a1\nauthz,a2\n",
        "KIND;Id;STATUS\r\nauthz;a1;active\r\nauthz;a2;\r\n",
        " kind , id \n authz , a1 \nauthz, a2\n",
        "\"kind\",\"id\"\n\"authz\",\"a1\"\n\"authz\",\"a2\"\n",
        "\"kind\";\"id\";\"owner\"\n\"authz\";\"a1\";\"x; y\"\n\"authz\";\"a2\";\"\"\n",
        "owner,id,kind\nme,a1,authz\nyou,a2,authz\n",
        "kind,id,owner,,\nauthz,a1,me,,\nauthz,a2,you,,\n",
        "kind,id\nauthz,a1,,,\nauthz,a2,\n",
        "sep=;\r\nkind;id\r\nauthz;a1\r\nauthz;a2\r\n",
        "\u{feff}kind,id\nauthz,a1\n\u{feff}kind,id\nauthz,a2\n",
        "\u{feff}kind;id\nauthz;a1\n\u{feff}kind,id\nauthz,a2\n",
        "\u{feff}authz,a1\n\u{feff}authz,a2\n",
        "kind,id\nauthz,a1\nkind,id\nauthz,a2\n",
        "kind,id,status\nauthz,a1,would-revoke\nauthz,a2,expired\n",
        "kind,id,current\nauthz,a1,FALSE\nauthz,a2,no\n",
        "# a list\nkind,id\n# of two\nauthz,a1\n#authz,a3\nauthz,a2\n",
    ] {
        assert_eq!(ids(&account, "oauth-rm -n", input), ["a1", "a2"], "{input:?}");
    }
    for input in
        ["ID\na1\na2\n", "Id,Owner\na1,x\na2,y\n", "id;owner\na1;x\na2;y\n", "owner\tid\nx\ta1\ny\ta2\n"]
    {
        assert_eq!(ids(&account, "oauth-rm -n authz", input), ["a1", "a2"], "{input:?}");
    }
    for input in [
        "Name,Redirect_URI\nx,https://x.example\n",
        "NAME;URL\nx;https://x.example\n",
        "name\turl\towner\nx\thttps://x.example\tme\n",
        "owner,name,url\nme,x,https://x.example\n",
        "x,https://x.example\n",
    ] {
        let ran = account.feed("oauth-mk -n client -", input).succeeds();
        assert!(ran.out.contains(r#""name":"x","redirect_uri":"https://x.example""#), "{input:?}{ran}");
    }
}

#[test]
fn tables_that_may_mean_two_things_get_one_message() {
    let account = Account::new();
    let many = |header: &str, row: &str| format!("{header}\n{}", format!("{row}\n").repeat(50));
    for (line, input, wanted) in [
        ("oauth-mk client -", many("name,redirect_url", "x,https://x"), "did you mean 'redirect_uri'?"),
        ("oauth-mk authz -", many("descripton,scopes", "x,read"), "unknown column 'descripton'"),
        ("oauth-rm", many("authz;a1", "authz;a2"), "separated by semicolons"),
        ("oauth-rm", many("authz\ta1", "authz\ta2"), "separated by tabs"),
        ("oauth-rm", many("owner,team", "x,y"), "a CSV row needs a header line"),
        ("oauth-rm", many("kind,id", "authz,a1,b"), "the row has 3 cells for 2 columns"),
        ("oauth-rm", many("kind,id,,x", "authz,a1,b,c"), "a cell in a column without a name"),
        ("oauth-rm", many("kind,id,ID", "authz,a1,b"), "duplicate column 'id'"),
        ("oauth-rm", many("kind,id,current", "authz,a1,maybe"), "current must be true or false"),
        ("oauth-rm", many("client,id,team", "client,c1,x"), "this looks like a header line"),
        ("oauth-set", many("kind\tid\tdescription", "authz\ta1\ta\\\\b"), "tab-separated"),
        ("oauth-set", many("kind\tid\tdescription", "authz\ta1\t\"x\""), "tab-separated"),
        ("oauth-mk authz -", many("description", "# x"), "quote it if it is a value"),
        ("oauth-set", "authz,a1,terraform (prod)\n".to_owned(), "'status' holds no status word"),
        ("oauth-set", "authz,a1,,terraform\n".to_owned(), "the fourth cell is not a time"),
        ("oauth-rm", "kind,id,status\nauthz,a1,HRKU-x\n".to_owned(), "'status' holds no status word"),
        ("oauth-rm", "authz,a1,active\u{feff}kind,id,status\n".to_owned(), "byte order mark inside the line"),
        ("oauth-rm authz", "id\na1\u{feff}id\n".to_owned(), "invalid id"),
    ] {
        one_message(&account, line, &input, wanted);
    }
    let utf16 = |text: &str, mark: bool| {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        [if mark { &b"\xff\xfe"[..] } else { b"" }, &units.collect::<Vec<u8>>()].concat()
    };
    let big = |text: &str| {
        [&b"\xfe\xff"[..], &text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>()].concat()
    };
    const REMEDY: &str = "this is UTF-16 text: convert it with iconv -f UTF-16 -t UTF-8";
    let table = "kind,id,description\r\nauthz,a1,x\r\nauthz,a2,é\r\n";
    for text in [
        table,
        "{\"kind\":\"authz\",\"id\":\"a1\"}\r\n{\"kind\":\"authz\",\"id\":\"a2\"}\r\n",
        "a1\r\na2\r\n",
    ] {
        one_message(&account, "oauth-rm authz", utf16(text, true), REMEDY);
        one_message(&account, "oauth-rm authz", utf16(text, false), REMEDY);
        one_message(&account, "oauth-rm authz", big(text), REMEDY);
    }
    one_message(&account, "oauth-rm authz", b"id,note\na1,caf\xe9\na2,\xe9\n", "the line is not UTF-8 text");
    assert!(account.server.stats().applied.is_empty());
}

#[test]
fn blanks_are_part_of_a_cell_and_empty_cells_have_their_place() {
    let account = Account::new();
    for (line, input, wanted) in [
        ("oauth-set -n", "kind,id,description\nauthz,a1,x  \r\n", r#""description":"x  ""#),
        ("oauth-mk authz - -n", "description,scope\n  x,read\n", r#""description":"  x""#),
        ("oauth-mk authz - -n", "description,scope\n\" x \" , read \n", "misplaced quote"),
        ("oauth-mk authz - -n", "scope,description\nread, \n", r#""description":" ""#),
        ("oauth-set -n", "kind,id,description\nauthz,a1,\"x\"  \n", r#""description":"x""#),
        (
            "oauth-mk client - -n",
            "  x , https://x.example \n",
            r#""name":"x","redirect_uri":"https://x.example""#,
        ),
        ("oauth-rm -n", "kind\tid\tnote\t\nauthz\ta1\t\t\n", r#""id":"a1""#),
        ("oauth-rm -n authz", "note\tid\towner\n\ta1\t\n", r#""id":"a1""#),
        ("oauth-rm -n authz", "\ta1  \n", r#""id":"a1""#),
    ] {
        let ran = account.feed(line, input);
        assert!(ran.out.contains(wanted) || ran.err.contains(wanted), "{input:?}{ran}");
    }
}

#[test]
fn json_over_several_lines_is_read() {
    let account = Account::new();
    for input in [
        "{\n  \"kind\": \"authz\",\n  \"id\": \"a1\"\n}\n{\n  \"kind\": \"authz\",\n  \"id\": \"a2\"\n}\n",
        "{\"kind\":\"authz\",\n\"id\":\"a1\"}\n{\"kind\":\"authz\",\"id\":\"a2\"}\n",
        "{\r\n\t\"kind\": \"authz\",\r\n\t\"id\": \"a1\",\r\n\t\"scope\": [\r\n\t\t\"read\"\r\n\t]\r\n}\r\nauthz,a2\r\n",
        "\u{feff}{\n\"kind\":\"authz\",\"id\":\"a1\"\n}\n\u{feff}{\n\"kind\":\"authz\",\"id\":\"a2\"\n}",
        "\x1e{\"kind\":\"authz\",\"id\":\"a1\"}\n\x1e{\n\"kind\":\"authz\",\"id\":\"a2\"}\n",
        "{\n\n\"kind\":\"authz\",\n\n\"id\":\"a1\",\"x\":{\n\"y\":[{\n},\n{\"id\":\"}\"}\n]}\n}\n\n{\"kind\":\"authz\",\"id\":\"a2\"}",
    ] {
        assert_eq!(ids(&account, "oauth-rm -n", input), ["a1", "a2"], "{input:?}");
        assert_eq!(ids(&account, "oauth-rm -n --stream", input), ["a1", "a2"], "{input:?}");
    }
    let id = account.id("terraform");
    let ran = account.sh(&format!("oauth-ls authz {id} -j | oauth-ls -")).succeeds();
    assert_eq!(ran.record()["id"], id.as_str());
    const ARRAY: &str = "stdin:1: this is a JSON array: give one object per line, as jq -c '.[]' prints them";
    for input in [
        "[{\"kind\":\"authz\",\"id\":\"a1\"}]\n",
        "[\n{\"kind\":\"authz\",\"id\":\"a1\"},\n{\"kind\":\"authz\",\"id\":\"a2\"}\n]\n",
        "[{\"id\":\"a1\"},\n{\"id\":\"a2\"}]\n",
        "[\n  {\n    \"id\": \"a1\"\n  },\n  {\n    \"id\": \"a2\"\n  }\n]\n",
        "[]\n",
        "[\n",
    ] {
        one_message(&account, "oauth-rm authz", input, ARRAY);
    }
    for (input, wanted) in [
        ("{\"kind\":\"authz\"\n{\"kind\":\"authz\",\"id\":\"a2\"}\n", "stdin:1: invalid JSON: the line ends"),
        (
            "{\"kind\":\"authz\",\"id\":\"a1\"}\n{\n\"kind\":\"authz\",\n",
            "stdin:2: invalid JSON: the line ends",
        ),
        (
            "{\"kind\":\"authz\",\"id\":\"a\n{\"kind\":\"authz\",\"id\":\"a2\"}\n",
            "stdin:1: invalid JSON: the line ends",
        ),
        ("{\n\"kind\" \"authz\"\n}\n", "stdin:1: invalid JSON"),
        (
            "{\"kind\":\"authz\",\"id\":\"a1\"},\n{\"kind\":\"authz\",\"id\":\"a2\"},\n",
            "invalid JSON: trailing characters",
        ),
    ] {
        one_message(&account, "oauth-rm", input, wanted);
    }
}

#[test]
fn json_over_several_lines_is_kept_on_one_line_in_the_rest_file() {
    let account = Account::new();
    let input = "{\n  \"kind\": \"authz\",\n  \"id\": \"gone\"\n}\n# note\n{\n  \"kind\": \"authz\",\n  \"id\": \"gone-2\"\n}\n";
    account.feed("oauth-rm --rest rest", input).exits(1);
    let rest = account.sh("cat rest").out;
    assert_eq!(rest.lines().filter(|line| line.contains("\"id\"")).count(), 2, "{rest}");
    assert_eq!(ids(&account, "oauth-rm -n", &rest), ["gone", "gone-2"]);
}

#[test]
fn values_that_converters_change_are_read_or_named() {
    let account = Account::new();
    let client = account.sh("oauth-ls clients -o id | head -n 1").out.trim().to_owned();
    for (fields, name) in [
        (r#""name":12345"#, "12345"),
        (r#""name":"12345","current":"true""#, "12345"),
        (r#""name":"x","current":"","default":"""#, "x"),
        (r#""name":"x","current":"FALSE","default":0"#, "x"),
        (r#""name":"x","status":"","expires_at":"""#, "x"),
        (r#""name":"x","scope":"","client_id":12"#, "x"),
    ] {
        let record = format!(r#"{{"kind":"client","id":"{client}",{fields}}}"#);
        let ran = account.feed("oauth-set -n", &record).succeeds();
        assert_eq!(ran.record()["name"], name, "{record}");
    }
    assert_eq!(ids(&account, "oauth-rm -n", r#"{"kind":"authz","id":12345}"#), ["12345"]);
    for (fields, wanted) in [
        (r#""name":true"#, "the field 'name' has the wrong type: it must be a string"),
        (r#""name":1.0"#, "the field 'name' has the wrong type"),
        (r#""name":-5"#, "the field 'name' has the wrong type"),
        (r#""name":1e5"#, "the field 'name' has the wrong type"),
        (r#""name":12345678901234567890"#, "the field 'name' has the wrong type"),
        (r#""name":["x"]"#, "the field 'name' has the wrong type"),
        (r#""redirect_uri":{}"#, "the field 'redirect_uri' has the wrong type"),
        (r#""name":"x","current":"perhaps""#, "current must be true or false"),
        (r#""name":"x","default":[]"#, "default must be true or false"),
    ] {
        one_message(&account, "oauth-set", format!(r#"{{"kind":"client","id":"c1",{fields}}}"#), wanted);
    }
    one_message(&account, "oauth-rm", r#"{"kind":1.5,"id":"a1"}"#, "the field 'kind' has the wrong type");
    one_message(&account, "oauth-rm", r#"{"kind":"authz","id":["a1"]}"#, "the field 'id' has the wrong type");
}

#[test]
fn escaped_cells_in_json_are_not_written_back() {
    let account = Account::new();
    const ESCAPED: &str = "looks like an escaped CSV cell that another program turned into JSON";
    for name in [
        "'=cmd",
        "'+1",
        "'-x",
        "'@ops",
        "''x",
        "' =1",
        r"a\\b",
        r"two\nlines",
        r"tab\t",
        r"\u001b[31m",
        r"C:\temp",
    ] {
        let text = serde_json::to_string(name).unwrap();
        one_message(
            &account,
            "oauth-set",
            format!(r#"{{"kind":"client","id":"c1","name":{text}}}"#),
            ESCAPED,
        );
        one_message(
            &account,
            "oauth-mk authz -",
            format!(r#"{{"description":{text},"scope":"read"}}"#),
            ESCAPED,
        );
    }
    for name in ["it's", "'quoted'", r"C:\dir", "=cmd", "a, b"] {
        let text = serde_json::to_string(name).unwrap();
        account.feed("oauth-mk authz - -n", format!(r#"{{"description":{text},"scope":"read"}}"#)).succeeds();
    }
    // With members that no row has, the text is as the API sent it.
    account.sh("oauth-ls authz --client none | oauth-set -n").succeeds();
    account.sh("oauth-ls clients | oauth-set -n").succeeds();
    let record = r#"{"kind":"client","id":"c1","name":"C:\\temp","ignores_delinquent":null}"#;
    assert_eq!(account.feed("oauth-set -n", record).succeeds().record()["name"], r"C:\temp");
}

#[test]
fn comments_in_a_list_of_ids_are_ignored() {
    let account = Account::new();
    for input in [
        "# old ones\na1\n#a3\na2\n",
        "a1 # terraform, prod\na2\t# ; old\n",
        "  # indented\n  a1   #x\n\u{feff}# marked\na2 #\n",
        "id\n# comment\na1 # x\na2\n",
        "#id\na1\na2\n",
    ] {
        assert_eq!(ids(&account, "oauth-rm -n authz", input), ["a1", "a2"], "{input:?}");
        assert_eq!(ids(&account, "oauth-rm -n authz --stream", input), ["a1", "a2"], "{input:?}");
    }
    account.feed("oauth-rm -n authz", "a1#x\n").exits(2).says("invalid id 'a1#x'");
    // In a table, a text may begin with it.
    let ran = account.feed("oauth-mk -n authz -", "description,scope\n#1 build,read\n").succeeds();
    assert!(ran.out.contains(r##""description":"#1 build""##), "{ran}");
    let ran = account.feed("oauth-mk -n authz -", "description,scope\n[prod] x,read\n{y},read\n").succeeds();
    assert!(ran.out.contains(r#""[prod] x""#) && ran.out.contains(r#""{y}""#), "{ran}");
}

#[test]
fn an_id_in_two_spellings_is_one_object() {
    let account = Account::new();
    let id = account.id("terraform");
    let (upper, plain) = (id.to_uppercase(), id.replace('-', ""));
    for input in [
        format!("{id}\n{upper}\n{plain}\n"),
        format!("authz,{upper}\n{{\"id\":\"{id}\"}}\n{id} # again\n"),
        format!("{{\n\"id\": \"{upper}\"\n}}\nID;Owner\n{id};x\n"),
    ] {
        assert_eq!(ids(&account, "oauth-rm -n authz", &input).len(), 1, "{input}");
    }
    let own = account.sh("oauth-ls authz | grep '\"current\":true'").record()["id"]
        .as_str()
        .unwrap()
        .to_uppercase();
    account.feed("oauth-rm authz", format!("{own}\n")).exits(1);
    account.feed("oauth-set", format!("authz,{upper},,,,,terraform\n")).succeeds();
    let twice = format!("kind,id,description\nauthz,{id},a\nauthz,{upper},b\n");
    account.feed("oauth-set", twice).exits(2).says("twice, with different values");
}
