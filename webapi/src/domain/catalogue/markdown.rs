//! Descriptions: Markdown to HTML that is safe to show to other members.

mod bounds;
mod regions;
mod runs;

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::LazyLock;

use ammonia::Builder;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

/// The HTML that is let through: no images, since loading one would tell its server who reads the page, and no classes
/// or ids.
static SAFE: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder
        .tags(HashSet::from([
            "a",
            "b",
            "blockquote",
            "br",
            "code",
            "dd",
            "del",
            "dl",
            "dt",
            "em",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "i",
            "kbd",
            "li",
            "ol",
            "p",
            "pre",
            "s",
            "strong",
            "sub",
            "sup",
            "table",
            "tbody",
            "td",
            "th",
            "thead",
            "tr",
            "ul",
            "wbr",
        ]))
        .url_schemes(HashSet::from(["http", "https", "mailto", "magnet"]))
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"));
    builder
});

/// Shown below a description that was cut at [`bounds::ELEMENTS`].
const CUT: &str = "<p><em>The rest of this description is not shown: it has too many parts.</em></p>\n";

/// HTML of `text`, safe in a page. Headings begin at the third level, below the page's own headings.
///
/// The time is linear in the length of `text`, and may be long: call it on a blocking thread.
pub fn render(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let events = Parser::new_ext(text, options).map(|event| match event {
        // HTML in Markdown is shown as text.
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        Event::Start(tag) => Event::Start(lower(tag)),
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(below(level))),
        Event::End(TagEnd::Image) => Event::End(TagEnd::Link),
        event => event,
    });
    let mut out = String::with_capacity(text.len() + text.len() / 2);
    let cut = Cell::new(false);
    html::push_html(&mut out, runs::split(without_nested_links(bounds::apply(events, &cut))));
    if cut.get() {
        out.push_str(CUT);
    }
    regions::mark(&SAFE.clean(&out).to_string())
}

/// Turns an image into a link to it, and moves a heading two levels down.
fn lower(tag: Tag<'_>) -> Tag<'_> {
    match tag {
        Tag::Image { link_type, dest_url, title, id } => Tag::Link { link_type, dest_url, title, id },
        Tag::Heading { level, id, .. } => {
            Tag::Heading { level: below(level), id, classes: Vec::new(), attrs: Vec::new() }
        }
        tag => tag,
    }
}

fn below(level: pulldown_cmark::HeadingLevel) -> pulldown_cmark::HeadingLevel {
    use pulldown_cmark::HeadingLevel::{H1, H2, H3, H4, H5, H6};
    match level {
        H1 => H3,
        H2 => H4,
        H3 => H5,
        H4 | H5 | H6 => H6,
    }
}

/// Drops links inside links, which linked images would become.
fn without_nested_links<'a>(events: impl Iterator<Item = Event<'a>>) -> impl Iterator<Item = Event<'a>> {
    let mut open = 0_usize;
    events.filter(move |event| match event {
        Event::Start(Tag::Link { .. }) => {
            open += 1;
            open == 1
        }
        Event::End(TagEnd::Link) => {
            open = open.saturating_sub(1);
            open == 0
        }
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_rendered_below_the_pages_headings() {
        let html = render("# A\n\n*b* **c** `d` ~~e~~\n\n| f |\n|---|\n| g |\n\n- h");
        for part in
            ["<h3>A</h3>", "<em>b</em>", "<strong>c</strong>", "<code>d</code>", "<del>e</del>", "<td>g</td>"]
        {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn links_leave_without_a_trace_and_images_are_links() {
        let html = render(
            "[a](https://a.example) ![b](https://b.example/b.png) [![c](https://c.example/c.png)](https://d.example)",
        );
        assert!(!html.contains("<img"), "{html}");
        assert_eq!(html.matches(r#"rel="noopener noreferrer nofollow""#).count(), 3, "{html}");
        assert!(html.contains(r#"href="https://b.example/b.png""#) && html.contains(">b</a>"), "{html}");
        assert!(html.contains(r#"href="https://d.example""#) && !html.contains("c.example"), "{html}");
    }

    /// The depth of nesting of elements, and how many there are.
    fn depth_and_count(html: &str) -> (usize, usize) {
        let (mut depth, mut deepest, mut count) = (0_usize, 0, 0);
        for tag in html
            .split('<')
            .skip(1)
            .filter(|it| !["br", "hr", "wbr"].iter().any(|empty| it.starts_with(empty)))
        {
            if tag.starts_with('/') {
                depth -= 1;
            } else {
                depth += 1;
                count += 1;
            }
            deepest = deepest.max(depth);
        }
        (deepest, count)
    }

    #[test]
    fn containers_beyond_a_depth_are_flattened() {
        for token in ["> ", ">", "+ ", "- ", "* ", "1. ", "> + ", "- > 1. "] {
            let text = token.repeat(20_000) + "the text";
            let html = render(&text);
            assert!(html.contains("the text"), "{token}");
            let (deepest, _) = depth_and_count(&html);
            // A list and its item count as one container; the paragraph is the additional element.
            assert!(deepest <= 2 * bounds::CONTAINERS + 1, "{token}: {deepest}");
        }
        let items = render(&format!("{}a\n{}- b", "- ".repeat(40), "  ".repeat(39)));
        assert!(!items.contains("ab"), "flattened items stay apart: {items}");
    }

    #[test]
    fn emphasis_beyond_a_depth_is_plain() {
        let (mut text, mut end) = (String::new(), String::new());
        for n in 0..5000 {
            let mark = if n % 2 == 0 { "*" } else { "_" };
            text.push_str(mark);
            text.push('a');
            text.push(' ');
            end.insert_str(0, mark);
            end.insert(0, 'b');
        }
        let (deepest, _) = depth_and_count(&render(&(text + &end)));
        assert!(deepest <= bounds::INLINE + 1, "{deepest}");
    }

    #[test]
    fn a_table_whose_rows_are_filled_up_is_cut() {
        let columns = 20_000;
        let text = format!("|{}\n|{}\n{}", "a|".repeat(columns), "-|".repeat(columns), "|b\n".repeat(6000));
        let html = render(&text);
        let (_, count) = depth_and_count(&html);
        // `ELEMENTS` does not count the bodies of tables and the sentence at the end.
        assert!(count <= bounds::ELEMENTS + 10, "{count}");
        assert!(html.ends_with(CUT), "the reader is told");
        assert!(html.len() < 1 << 20, "{}", html.len());
    }

    #[test]
    fn long_texts_are_broken_where_the_serializer_would_look_through_all_of_them() {
        for token in ["&#", "&", "£", "é &", "`&`"] {
            let html = render(&token.repeat(50_000));
            for text in html.split('<') {
                assert!(text.len() <= 6 * 4096, "{token}: {}", text.len());
            }
            assert!(!html.contains("&lt;wbr"), "{token}");
        }
        let code = format!("```\n{}\n```", "x &\n".repeat(30_000));
        let html = render(&code);
        assert_eq!(html.matches("x &amp;").count(), 30_000);
        assert!(html.split('<').all(|it| it.len() <= 6 * 4096));
        let words = render(&"word ".repeat(2000));
        assert!(words.contains("word <wbr>") && !words.contains("wo<wbr>"), "between words");
    }

    #[test]
    fn a_link_whose_address_is_endless_is_plain() {
        let html = render(&format!("[a](https://a.example/?{}) [b](https://b.example)", "&".repeat(50_000)));
        assert!(
            !html.contains("a.example") && html.contains(r#"href="https://b.example""#),
            "{}",
            html.len()
        );
    }

    #[test]
    fn a_text_of_ordinary_size_is_shown_whole() {
        let text = "- *a* [b](https://b.example) `c`\n  > d\n\n".repeat(1000);
        let html = render(&text);
        assert_eq!(html.matches("<em>a</em>").count(), 1000);
        assert!(!html.contains("is not shown"));
    }

    #[test]
    fn nothing_runs() {
        for text in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[a](javascript:alert(1))",
            "[a](JaVaScRiPt:alert(1))",
            "[a](&#106;avascript:alert(1))",
            "[a](data:text/html;base64,PHNjcmlwdD4=)",
            "![a](javascript:alert(1))",
            "<javascript:alert(1)>",
            "[a](https://x \"onmouseover=alert(1)\")",
            "[a](https://x\" onclick=\"alert(1))",
            "<a href=\"javascript:alert(1)\">x</a>",
            "<svg><script>alert(1)</script></svg>",
            "<style>@import 'x'</style>",
            "<iframe src=x></iframe>",
            "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
            "# a {onclick=alert(1)}",
            "`<script>`",
            "```\"><script>alert(1)</script>\n```",
            "[x]: javascript:alert(1)\n\n[x]",
            "<form action=x><input name=csrf></form>",
        ] {
            let html = render(text).to_lowercase();
            for bad in ["<script", "<img", "<svg", "<style", "<iframe", "<form", "<input", "<math"] {
                assert!(!html.contains(bad), "{bad} in {html}");
            }
            for tag in html.split('<').skip(1) {
                let tag = tag.split('>').next().unwrap_or_default();
                assert!(!tag.contains("javascript:") && !tag.contains("data:"), "{html}");
                assert!(!tag.contains(" on") || tag.contains("title=\"on"), "{html}");
            }
        }
    }
}
