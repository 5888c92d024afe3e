# SPDX-License-Identifier: BSD-3-Clause
"""Reports look as people know them from python-blosc2."""

import re

import tessera as ts
from tessera.info import InfoReporter, size_text

LINES = """\
type    : NDArray
shape   : (10, 1248, 2689)
chunks  : (1, 1248, 2689)
blocks  : (1, 1248, 2689)
dtype   : uint16
nbytes  : 67117440 (64.01 MiB)
cbytes  : {cbytes}
cratio  : {cratio}
cparams : CParams(codec=<Codec.ZSTD: 5>, codec_meta=0, clevel=5, use_dict=False, typesize=2,
        : nthreads=2, blocksize=6711744, splitmode=<SplitMode.AUTO_SPLIT: 3>,
        : filters=[<Filter.NOFILTER: 0>, <Filter.NOFILTER: 0>, <Filter.NOFILTER: 0>,
        : <Filter.NOFILTER: 0>, <Filter.NOFILTER: 0>, <Filter.SHUFFLE: 1>], filters_meta=[0, 0,
        : 0, 0, 0, 0], tuner=<Tuner.STUNE: 0>)
dparams : DParams(nthreads=2)
"""


def array():
    a = ts.zeros((10, 1248, 2689), dtype="u2", chunks=(1, 1248, 2689), blocks=(1, 1248, 2689),
                 cparams={"nthreads": 2}, dparams={"nthreads": 2})  # fmt: skip
    a[0, :10] = 7
    return a


def test_the_text_of_an_array_is_python_blosc2s_line_for_line():
    a = array()
    expected = LINES.format(cbytes=size_text(a.cbytes), cratio=f"{a.cratio:.2f}x")
    assert str(a.info) == expected
    assert repr(a.info) == expected


def test_the_rows_of_a_super_chunk_are_its_own():
    rows = [name for name, _ in array().schunk.info_items]
    assert rows == ["type", "chunksize", "blocksize", "typesize", "nbytes", "cbytes", "cratio",
                    "cparams", "dparams"]  # fmt: skip
    assert str(array().schunk.info).startswith("type      : SChunk\nchunksize : 6711744\n")


def test_super_chunks_report_as_arrays_do():
    s = ts.SChunk(chunksize=80, data=bytes(200))
    text = str(s.info)
    assert re.search(r"^nbytes    : 200 \(200 B\)$", text, re.M)
    assert text.endswith(")\n")


def test_notebooks_get_a_table_with_a_row_per_attribute():
    html = array().info._repr_html_()
    assert html.startswith('<table class="NDArray-info">')
    assert html.count("<tr>") == 10
    assert "&lt;Codec.ZSTD: 5&gt;" in html


def test_lines_end_at_column_96_and_values_without_text_have_a_line():
    class Thing:
        info_items = (("type", "Thing"), ("long", "word " * 60), ("none", ""))

    lines = str(InfoReporter(Thing())).splitlines()
    assert max(map(len, lines)) <= 96
    assert lines[-1] == "none : "


def test_sizes_have_two_decimals_but_for_bytes():
    assert size_text(1023) == "1023 (1023 B)"
    assert size_text(1024) == "1024 (1.00 KiB)"
    assert size_text(3 << 40) == f"{3 << 40} (3.00 TiB)"
