//! The metadata of saves.
//!
//! `SAVE_FILES` names a folder with members of real saves. The test prints their metadata.

use std::sync::Arc;

use recompress::save::{Game, Metadata, SavLine, SaveForm, Tokens, Words};

fn read(bytes: &[u8]) -> Metadata {
    let mut metadata = Metadata::default();
    metadata.read(bytes, SavLine::parse(bytes), None, &Words::default());
    metadata
}

fn some(texts: &[&str]) -> Option<Vec<String>> {
    Some(texts.iter().map(|&text| text.to_owned()).collect())
}

#[test]
fn each_game_has_its_own_words_for_it() {
    let eu4 = read(
        b"EU4txt\ndate=1444.11.11\nplayer=\"FRA\"\nsavegame_version={\n\tfirst=1\n\tsecond=36\n\tthird=2\n\tforth=0\n\tname=\"B\"\n}\n\
          dlc_enabled={\n\t\"Art of War\"\n\t\"Dharma\"\n}\nmods_enabled_names={\n\t{\n\t\tfilename=\"mod/x.mod\"\n\t\tname=\"Caf\xe9\"\n\t}\n}\n\
          multi_player=no\nis_ironman=yes\nchecksum=\"abc\"\n",
    );
    let expected = Metadata {
        game: Game::Eu4,
        form: Some(SaveForm::Text),
        version: Some("1.36.2.0".into()),
        date: Some("1444.11.11".into()),
        player: Some("FRA".into()),
        ironman: Some(true),
        multiplayer: Some(false),
        mods: some(&["Café"]),
        dlc: some(&["Art of War", "Dharma"]),
        checksum: Some("abc".into()),
    };
    assert_eq!(eu4, expected);
    let stellaris = read(b"version=\"Corvus v4.2.4\"\nname=\"Kingdom\"\ndate=\"2353.06.10\"\nrequired_dlcs=\n{\n\t\"Utopia\"\n}\nironman=yes\n");
    assert_eq!(stellaris.game, Game::Stellaris);
    assert_eq!(stellaris.player.as_deref(), Some("Kingdom"));
    assert_eq!((stellaris.ironman, stellaris.dlc), (Some(true), some(&["Utopia"])));
    let ck3 = read(b"SAV0102a40f789f000067c4\nmeta_data={ version=\"1.3.1\" meta_date=867.1.1 meta_player_name=\"\xe4\xbd\xa0\" dlcs={ } mods={ \"a\" \"b\" } ");
    assert_eq!(ck3.game, Game::Ck3);
    assert_eq!(
        (ck3.version.as_deref(), ck3.date.as_deref(), ck3.player.as_deref()),
        (Some("1.3.1"), Some("867.1.1"), Some("你"))
    );
    assert_eq!((ck3.dlc, ck3.mods), (some(&[]), some(&["a", "b"])));
    let hoi4 = read(b"\xef\xbb\xbfHOI4txt\nplayer=\"GER\"\ndate=\"1936.1.1.12\"\nversion=\"Bolivar v1.14\"\nironman=\"GER\"\ndlcs=4095\n");
    assert_eq!((hoi4.game, hoi4.ironman, hoi4.date.as_deref()), (Game::Hoi4, Some(true), Some("1936.1.1.12")));
    assert_eq!(
        hoi4.to_json(),
        concat!(
            r#"{"game":"hoi4","game_name":"Hearts of Iron IV","form":"text","version":"Bolivar v1.14","date":"1936.1.1.12","#,
            r#""player":"GER","checksum":null,"ironman":true,"multiplayer":null,"mods":null,"dlc":null}"#
        )
    );
}

#[test]
fn the_first_source_counts_and_the_next_fills_up() {
    let mut metadata = read(b"EU4txt\ndate=1444.11.11\n");
    metadata.read(b"EU4txt\ndate=1.1.1\nplayer=\"SWE\"\n", None, None, &Words::default());
    assert_eq!((metadata.date.as_deref(), metadata.player.as_deref()), (Some("1444.11.11"), Some("SWE")));
}

#[test]
fn a_binary_save_says_its_game_and_with_words_the_rest() {
    let save = b"EU4bin\x4d\x28\x01\x00\x0c\x00\x10\x77\x5d\x03\x38\x2a\x01\x00\x0f\x00\x03\x00HUN\xc9\x2e\x01\x00\x03\x00\xe2\x28";
    let mut metadata = Metadata::default();
    metadata.read(save, None, None, &Words::default());
    assert_eq!((metadata.game, metadata.form, metadata.date), (Game::Eu4, Some(SaveForm::Binary), None));
    let tokens = Tokens::parse("0x284d date\n0x2a38 player\n").unwrap();
    let mut metadata = Metadata::default();
    metadata.read(save, None, None, &Words { tokens: Some(Arc::new(tokens)), lookups: None });
    assert_eq!((metadata.date.as_deref(), metadata.player.as_deref()), (Some("1444.11.11"), Some("HUN")));
}

#[test]
fn no_bytes_are_too_strange() {
    let mut state = 1u64;
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..40)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                b"{}{}=\"\"\\#\n ab mods dlc name=version SAV0100EU4bin\x01\x00\x03\x00\x0f\x00"
                    [(state >> 33) as usize % 55]
            })
            .collect();
        read(&bytes).to_json();
    }
    // The depth of braces has no limit.
    read(&b"a={".repeat(100_000));
}

#[test]
fn metadata_of_real_saves_is_readable() {
    let Ok(folder) = std::env::var("SAVE_FILES") else { return };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let metadata = read(&bytes[..bytes.len().min(64 << 10)]);
        println!("{}\n  {}", file.file_name().unwrap().display(), metadata.to_json());
    }
}
