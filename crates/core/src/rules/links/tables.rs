//! What the finder knows of endings and words: which endings are also file names, words or code, and which a
//! disguise may end with. Chosen by hand for chats; the endings that exist at all are the public suffix list's.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Endings that nobody writes by chance behind a disguised dot.
static STRONG: Table = LazyLock::new(|| {
    table(
        "app bg biz br cc click club cn co com cz de dev dk edu eu fr fun gov hk hr hu icu info io jp kr kz link live \
    lt ltd lv me mx net nl nz online org pl pro pw ro ru shop site store tech top tv tw ua uk vip vn wang win \
    work ws xin xyz 中国 公司 网络",
    )
});

/// Strong endings that are words as well: not behind a dot with blanks around it.
static STRONG_BUT_WORDS: Table =
    LazyLock::new(|| table("app co de dev fun link live me pl pro store tech tv win work"));

/// Endings of files, packages and their parts.
static FILES: Table = LazyLock::new(|| {
    table(
        "ac am app ar bar bin bio box cab cat cc cfg cpa csc dev dot fit gd gs inc ink java la map md mk ml mm \
    mo mov mp ms one pl pm post ps pub py rip rs run sc sh so st tab tf ts vi win zip",
    )
});

/// Endings that are everyday words of talk or of code: alone they prove nothing.
static WORDS: Table = LazyLock::new(|| {
    table(
        "abc ad ah am an as at be best bt buy by call care case cash cheap cool data date day deal do eat fail fan fast \
    fit fly free gay go gold good got green help here hi hm hot how ice id if in is it just kids kind la like lol love ma man me \
    men mm mo moe mom mr ms mu my name ne new next no nu now off ok one open or pa pay pet pics pid place play \
    plus pm porn post power prime re read red rent rest safe sale save say sex sexy show si skin so soy sucks talk tax \
    tips to today total town toys try us vote wed where win windows work works wow wtf ye yes you",
    )
});

/// Endings that are things people talk about: believed unless an everyday word stands before them.
static THINGS: Table = LazyLock::new(|| {
    table(
        "academy art auto baby band bar beauty beer bike bio blog blue boats book box broker build business \
    cafe camera camp car career casa catering center chat church city cleaning click clinic clothing cloud club coach \
    codes coffee college community company computer contact cooking country coupon course credit dance dating \
    delivery design diet digital direct dog download earth education email energy events exchange expert express \
    family farm fashion film finance fish fitness flowers food football forum fun fund furniture game games garden \
    gift gifts glass global golf graphics group guide guru hair health hockey holiday home horse hospital host house \
    insure jobs kitchen land law lease life lighting link live loan market marketing mba media money movie music \
    network news online page parts party phone photo photos pizza pub racing realty red repair report review rocks \
    room salon school science search security service services shoes shop shopping ski social software space sport \
    store stream studio study style surf support surgery systems tea team tech tennis theater tickets tools top \
    tours toys trade training travel tube university video villas vip voyage watch weather website wedding wiki \
    wine world yoga zone",
    )
});

/// Words that end a sentence, name a variable or stand before "dot com": no names of sites.
static EVERYDAY: Table = LazyLock::new(|| {
    table(
        "a about after again ago all also always am an and any are array as asp at away back bad be \
    because been before best better big body boy but buy by bye call came can car case cat child china city class come \
    config console cool could course data day days did do document dog done down drink each early eat else english \
    env etc even evening ever every everyone everything exam father file fine first fish food for friend friends from \
    fun game gave get girl go goes going good got great had happy hard has hate have he heart hello help her here hi \
    high him his home hope hour house how i idea if in is it item its job just key kid kids kind know language last \
    late later learn left less lesson life like little live long lot love made main make man many math may maybe me \
    mean men message mind mine model module money month more morning most mother movie much music must my name need \
    never new news next nice night no node not nothing now obj object of off ok okay old on once one only or os other \
    our out over parents people person place play please pm problem question quickly really red req res rest result \
    rice right room root sad safe said same say school see self she should show sick sleep slow small so some someone \
    something soon sorry start still stop story string student such summer sun sure sys system take talk tea teacher \
    test than thank thanks that the their them then there these they thing things think this those time tired to \
    today together tomorrow tonight too town true try two understand up us use used user using usually very wait walk \
    want war was water way we weather week weekend well went were what when where which while white who whole why will \
    window wish with word words work world would wrong wtf year years yes yesterday yet you young your vb ado ml",
    )
});

/// First parts of package names, such as `com.example.app`.
static PACKAGES: Table = LazyLock::new(|| table("android com edu io java javax net org"));

type Table = LazyLock<HashSet<&'static str>>;

fn table(words: &'static str) -> HashSet<&'static str> {
    words.split_ascii_whitespace().collect()
}

/// May stand behind a disguised dot.
pub(super) fn is_strong(ending: &str) -> bool {
    STRONG.contains(ending)
}

/// May stand behind a dot with blanks around it.
pub(super) fn is_strong_alone(ending: &str) -> bool {
    is_strong(ending) && !STRONG_BUT_WORDS.contains(ending)
}

/// Nothing but the ending of an address.
pub(super) fn is_plain_web(ending: &str) -> bool {
    matches!(ending, "com" | "cn" | "net" | "org" | "xyz" | "cc")
}

/// The ending of a file, a part of a program, or a word: needs more than a dot before it.
pub(super) fn proves_nothing(ending: &str) -> bool {
    FILES.contains(ending) || WORDS.contains(ending)
}

/// The ending of a file, a package or a part of one.
pub(super) fn is_a_file(ending: &str) -> bool {
    FILES.contains(ending)
}

/// A thing people talk about.
pub(super) fn is_a_thing(ending: &str) -> bool {
    THINGS.contains(ending)
}

/// No name of a site.
pub(super) fn is_everyday(word: &str) -> bool {
    EVERYDAY.contains(word)
}

/// The first part of a package's name.
pub(super) fn is_package(word: &str) -> bool {
    PACKAGES.contains(word)
}
