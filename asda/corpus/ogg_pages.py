"""Pages of an Ogg file: joined files, and files that end in the middle of a page."""

from __future__ import annotations

from asda.corpus.verdict import Content, Verdict

MAGIC = b"OggS"
FIXED_PART, FIRST_PAGE = 27, 2  # bytes of a page's header; flag of a stream's first page


def judge_ogg(content: Content) -> Verdict:
    """Compare the pages of an Ogg file with what libsndfile reads: the first of joined files."""
    data = content.at(0)
    cuts: list[int] = []
    position, in_header = 0, True  # a file may begin with the first pages of several streams
    while (position := data.find(MAGIC, position)) >= 0:
        body = position + FIXED_PART + (data[position + 26] if position + 26 < len(data) else 0)
        end = body + sum(data[position + FIXED_PART : body])
        if end > len(data) or body > len(data):
            return Verdict(exact=False, torn=True, cuts=tuple(cuts))
        first = bool(data[position + 5] & FIRST_PAGE)
        if first and not in_header:
            cuts.append(position)
        in_header, position = first, end
    return Verdict(cuts=tuple(cuts))
