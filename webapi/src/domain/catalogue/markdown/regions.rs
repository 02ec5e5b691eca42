//! Wide parts of a description (code and tables), which scroll by themselves.

/// Puts each block of code and each table of `html` into a region that can be focused and scrolled by keyboard.
/// `html` is sanitized, so that a search for tags finds only tags.
pub(super) fn mark(html: &str) -> String {
    let html = number(html, "<pre>", "<pre tabindex=\"0\" role=\"region\" aria-label=\"Code ", "\">");
    let region = "<section tabindex=\"0\" aria-label=\"Table ";
    number(&html, "<table>", region, "\"><table>").replace("</table>", "</table></section>")
}

/// Replaces each `tag` in `html` by `before`, a running number and `after`.
fn number(html: &str, tag: &str, before: &str, after: &str) -> String {
    let mut out = String::with_capacity(html.len());
    for (number, part) in html.split(tag).enumerate() {
        if number > 0 {
            out.extend([before, &number.to_string(), after]);
        }
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::render;

    #[test]
    fn code_and_tables_that_scroll_are_reached_by_the_keyboard_each_by_a_name_of_its_own() {
        let html = render("    a\n\ntext\n\n```\nb <pre> <table>\n```\n\n| c |\n|---|\n| d |");
        for part in [
            "<pre tabindex=\"0\" role=\"region\" aria-label=\"Code 1\"><code>a",
            "<pre tabindex=\"0\" role=\"region\" aria-label=\"Code 2\"><code>b &lt;pre&gt; &lt;table&gt;",
            "<section tabindex=\"0\" aria-label=\"Table 1\"><table>",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert_eq!(
            (html.matches("tabindex").count(), html.matches("</table></section>").count()),
            (3, 1),
            "{html}"
        );
    }
}
