"""Footnotes: a mark at the first use of a term, where readers see it, which leads to its definition and back."""

from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from reco.report import html
from reco.report.footnotes import TERMS, mark


def marked(*parts):
    soups = [BeautifulSoup(part, "html.parser") for part in parts]
    return mark(soups), *map(str, soups)


def test_the_first_use_alone_has_a_mark_behind_the_whole_term():
    notes, headline, body = marked("EASE leads, NDCG@10 0.4", "<p>NDCG once more, on the test weeks</p>")
    assert [(note.number, note.term) for note in notes] == [(1, "NDCG"), (2, "Test weeks")]
    assert headline == (
        'EASE leads, NDCG@10<sup class="noteref"><a aria-label="[1] what NDCG means" href="#term-ndcg" id="use-ndcg" '
        'role="doc-noteref">[1]</a></sup> 0.4'
    )
    assert body.startswith("<p>NDCG once more, on the test weeks<sup")
    assert body.count("<sup") == 1


def test_several_terms_of_one_sentence_are_numbered_as_they_are_read():
    notes, text = marked("<p>Clicks: CTR with 95% intervals, p-values by Holm</p>")
    assert [note.term for note in notes] == ["CTR", "95% interval", "p-value", "Holm’s correction"]
    assert (
        BeautifulSoup(text, "html.parser").get_text() == "Clicks: CTR[1] with 95% intervals[2], p-values[3] by Holm[4]"
    )


def test_no_mark_stands_in_links_code_headings_what_is_folded_or_what_shoppers_see():
    places = ("<a>{}</a>", "<pre>{}</pre>", "<code>{}</code>", "<h2>{}</h2>", "<details><p>{}</p></details>")
    hidden = "".join(place.format("NDCG") for place in places) + '<div class="preview"><p>NDCG</p></div>'
    notes, text = marked(f"{hidden}<table><tr><th>NDCG</th></tr></table>")
    assert len(notes) == 1
    assert "<th>NDCG<sup" in text
    assert text.startswith(hidden.split("<div")[0])


def test_parts_of_words_and_other_senses_have_none():
    notes, _ = marked("<p>xNDCG MAPS dignities neckties; ties by name; CTRs; a translated-slate</p>")
    assert notes == []


def test_hostile_words_beside_a_term_stay_text():
    _, text = marked("&lt;script&gt;x&lt;/script&gt; NDCG &lt;b&gt;")
    assert "<script" not in text
    assert text.endswith(" &lt;b&gt;")


def test_every_term_says_what_it_means_in_a_sentence():
    assert all(meaning.endswith(".") and meaning[0].isupper() for _, meaning in TERMS.values())
    slugs = [note.slug for note in marked(*[f"<p>{term.replace('’', chr(39))}</p>" for term in TERMS])[0]]
    assert len(set(slugs)) == len(TERMS)  # each is found as it is written, under an id of its own


def test_a_notebooks_headline_comes_before_its_text():
    answer = {"text/html": '<p class="headline">NDCG &amp; &lt;b&gt;</p>', "text/plain": "NDCG & <b>"}
    cells = [
        new_markdown_cell("MRR and NDCG"),
        new_code_cell("1", outputs=[new_output("display_data", data=answer)], execution_count=1),
    ]
    body = html.read(new_notebook(cells=cells))
    assert [note.term for note in body.notes] == ["NDCG", "MRR"]
    assert body.headline == "NDCG & <b>"
    assert body.answer.startswith('NDCG<sup class="noteref">')
    assert body.answer.endswith("</sup> &amp; &lt;b&gt;")
