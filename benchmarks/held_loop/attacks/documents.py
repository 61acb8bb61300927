"""Documents that are dear to parse, to measure, to validate or to refuse."""

from collections.abc import Callable, Iterator

from benchmarks.held_loop.attack import Attack, document, grown, in_a_frame, repeated

# The first get in, some are near a limit; the last is refused unread, or should be.
SIZES = (1_000, 3_900, 9_000, 19_900, 990_000)

Make = Callable[[int], str]


def _times(text: str, around: str = "{{ {} }}") -> Make:
    return lambda n: around.format(repeated(lambda k: text.replace("#", str(k)), n))


def _doubling(n: int) -> str:
    """Each fragment spreads the next one twice: 2^n fields."""
    links = repeated(lambda k: f"fragment f{k} on Query {{ ...f{k + 1} ...f{k + 1} }}", n)
    return f"{{ ...f0 }} {links} fragment f{n} on Query {{ viewer {{ kind }} }}"


def _doubling_aliased(n: int) -> str:
    links = repeated(
        lambda k: f"fragment f{k} on Query {{ a: viewer {{ kind }} ...f{k + 1} ...f{k + 1} }}", n
    )
    return f"{{ ...f0 }} {links} fragment f{n} on Query {{ viewer {{ kind }} }}"


def _cycle(n: int) -> str:
    links = repeated(lambda k: f"fragment f{k} on Query {{ ...f{(k + 1) % n} }}", n)
    return f"{{ ...f0 }} {links}"


def _all_to_all(n: int) -> str:
    """Every fragment spreads every other: cycles without number."""
    spreads = repeated(lambda k: f"...f{k}", n)
    links = repeated(lambda k: f"fragment f{k} on Query {{ {spreads} }}", n)
    return f"{{ ...f0 }} {links}"


def _all_to_later(n: int) -> str:
    """Every fragment spreads all later ones: no cycle, n^2 spreads, n^2 comparisons of pairs."""
    links = repeated(
        lambda k: (
            f"fragment f{k} on Query {{ viewer {{ kind }} "
            f"{repeated(lambda m: f'...f{k + 1 + m}', n - k - 1)} }}"
        ),
        n,
    )
    return f"{{ ...f0 }} {links}"


def _fields_in_fragments(n: int) -> str:
    """One field, selected in n fragments that are all spread: each pair is compared."""
    links = repeated(lambda k: f"fragment f{k} on Query {{ viewer {{ kind role }} }}", n)
    return f"{{ {repeated(lambda k: f'...f{k}', n)} }} {links}"


def _nested(n: int) -> str:
    return "{ orders { nodes { " + "packages { order { " * n + "id " + "} } " * n + "} } }"


def _nested_twins(n: int) -> str:
    """Two selections of the same field at each level: overlapping fields, compared in pairs."""
    text = "id"
    for _ in range(n):
        text = f"packages {{ order {{ {text} }} }} packages {{ order {{ {text} }} }}"
        if len(text) > 4_000_000:  # doubles each time
            break
    return f"{{ orders {{ nodes {{ {text} }} }} }}"


def _inline(n: int) -> str:
    return "{ " + "... on Query { " * n + "viewer { kind } " + "} " * n + "}"


def _bare_inline(n: int) -> str:
    return "{ " + "...{ " * n + "viewer { kind } " + "} " * n + "}"


def _unnamed_inline(n: int) -> str:
    return "{ " + "... @include(if: true) { viewer { kind } } " * n + "}"


def _introspection(n: int) -> str:
    return (
        "{ __schema { types { fields { type { " + "ofType { " * n + "name " + "} " * n + "} } } } }"
    )


def _introspection_cycle(n: int) -> str:
    inner = "fields { type { " * n + "name " + "} } " * n
    return f"{{ __schema {{ types {{ {inner} }} }} }}"


def _variables(n: int) -> str:
    return f"query ({repeated(lambda k: f'$v{k}: Int', n)}) {{ viewer {{ kind }} }}"


def _variables_used(n: int) -> str:
    defined = repeated(lambda k: f"$v{k}: Int", n)
    used = repeated(lambda k: f"a{k}: products(first: $v{k}) {{ totalCount }}", n)
    return f"query ({defined}) {{ {used} }}"


def _variables_in_fragments(n: int) -> str:
    """Each operation gathers the variables of all the fragments it reaches."""
    operations = repeated(lambda k: f"query q{k} {{ ...f0 }}", n)
    links = repeated(
        lambda k: (
            f"fragment f{k} on Query {{ products(first: $v{k}) {{ totalCount }} ...f{k + 1} }}"
        ),
        n,
    )
    return f"{operations} {links} fragment f{n} on Query {{ viewer {{ kind }} }}"


def _variable_types(n: int) -> str:
    return f"query ({repeated(lambda k: f'$v{k}: Ordrx{k}Wher', n)}) {{ viewer {{ kind }} }}"


def _operations(n: int) -> str:
    return repeated(lambda k: f"query q{k} {{ viewer {{ kind }} }}", n)


def _same_operations(n: int) -> str:
    return repeated(lambda _: "query q { viewer { kind } }", n)


def _list_literal(n: int) -> str:
    return "{ orders(where: { externalId: { oneOf: " + "[" * n + "]" * n + " } }) { totalCount } }"


def _long_list(n: int) -> str:
    values = repeated(lambda _: '"a"', n, ",")
    return f"{{ orders(where: {{ externalId: {{ oneOf: [{values}] }} }}) {{ totalCount }} }}"


def _object_literal(n: int) -> str:
    return "{ orders(where: " + "{ not: " * n + "{}" + "}" * n + ") { totalCount } }"


def _wide_where(n: int) -> str:
    parts = repeated(lambda k: f'{{ externalId: {{ eq: "{k}" }} }}', n, ",")
    return f"{{ orders(where: {{ or: [{parts}] }}) {{ totalCount }} }}"


def _same_arguments(n: int) -> str:
    return f"{{ orders({repeated(lambda _: 'first: 1', n)}) {{ totalCount }} }}"


def _unknown_arguments(n: int) -> str:
    return f"{{ orders({repeated(lambda k: f'frist{k}: 1', n)}) {{ totalCount }} }}"


def _unknown_input_fields(n: int) -> str:
    fields = repeated(lambda k: f"externlId{k}: 1", n)
    return f"{{ orders(where: {{ {fields} }}) {{ totalCount }} }}"


def _unknown_enum(n: int) -> str:
    values = repeated(lambda k: f"AWAITNG_SHIPMNT{k}", n)
    return f"{{ orders(where: {{ status: {{ oneOf: [{values}] }} }}) {{ totalCount }} }}"


def _unknown_types(n: int) -> str:
    return f"{{ {repeated(lambda k: f'... on OrdrConnectin{k} {{ id }}', n)} }}"


def _long_unknown_name(n: int) -> str:
    return f"{{ {'o' * n} }}"


def _long_unknown_type(n: int) -> str:
    return f"{{ ... on {'O' * n} {{ id }} }}"


def _long_name_conflict(n: int) -> str:
    return f"{{ a: viewer {{ kind }} a: workspace {{ slug }} {'x' * n} }}"


def _conflicts(n: int) -> str:
    return f"{{ {repeated(lambda k: 'a: products(first: %d) { totalCount }' % (k + 1), n)} }}"


def _text(before: str, what: str, after: str) -> Make:
    return lambda n: before + what * n + after


_VIEWER = "{ viewer { kind } }"
_SEARCH = ("{ orders(where: { search: ", " }) { totalCount } }")

MAKERS: dict[str, Make] = {
    "fragments that spread twice": _doubling,
    "fragments that spread twice, with fields": _doubling_aliased,
    "a cycle of fragments": _cycle,
    "fragments that all spread all": _all_to_all,
    "fragments that spread all later ones": _all_to_later,
    "one field in many fragments": _fields_in_fragments,
    "deep nesting": _nested,
    "deep nesting, every field twice": _nested_twins,
    "nested inline fragments": _inline,
    "nested inline fragments without a type": _bare_inline,
    "inline fragments with a directive": _unnamed_inline,
    "introspection, ofType nested": _introspection,
    "introspection, fields of types of fields": _introspection_cycle,
    "aliases": _times("a#: viewer { kind }"),
    "identical fields": _times("viewer { kind }"),
    "identical short fields": _times("kind", "{{ viewer {{ {} }} }}"),
    "fields in conflict": _conflicts,
    "unknown fields": _times("ordrs#"),
    "unknown fields of one name": _times("ordrs"),
    "an unknown field of a long name": _long_unknown_name,
    "an unknown type of a long name": _long_unknown_type,
    "a conflict and a long name": _long_name_conflict,
    "unknown types": _unknown_types,
    "unknown arguments": _unknown_arguments,
    "the same argument": _same_arguments,
    "unknown fields of an input": _unknown_input_fields,
    "unknown enum values": _unknown_enum,
    "unknown fragments": _times("...f#"),
    "unused fragments": _times(
        "fragment f# on Query { viewer { kind } }", "{{ viewer {{ kind }} }} {}"
    ),
    "fragments of one name": _times(
        "fragment f on Query { viewer { kind } }", "{{ ...f }} {}"
    ),
    "directives": _times("@skip(if: false)", "{{ viewer {} {{ kind }} }}"),
    "unknown directives": _times("@skp#", "{{ viewer {} {{ kind }} }}"),
    "variables": _variables,
    "variables in use": _variables_used,
    "undefined variables in fragments of many operations": _variables_in_fragments,
    "variables of unknown types": _variable_types,
    "operations": _operations,
    "operations of one name": _same_operations,
    "a deep list": _list_literal,
    "a long list": _long_list,
    "a deep object": _object_literal,
    "a wide object": _wide_where,
    "a long number": _text("{ orders(first: ", "9", ") { totalCount } }"),
    "a long fraction": _text("{ orders(first: 1.", "9", ") { totalCount } }"),
    "a huge exponent": _text("{ orders(first: 1e", "9", ") { totalCount } }"),
    "a long decimal": _text(
        "{ orderLineFigures(where: { unitPrice: { eq: ", "9", " } }) { lines } }"
    ),
    "a long string": _text(_SEARCH[0] + '"', "a", '"' + _SEARCH[1]),
    "a string of escapes": _text(_SEARCH[0] + '"', "\\u0041", '"' + _SEARCH[1]),
    "a block string of lines": _text(_SEARCH[0] + '"""', "  a\n", '"""' + _SEARCH[1]),
    "a block string of blanks": _text(_SEARCH[0] + '"""', " \n", '"""' + _SEARCH[1]),
    "a block string of escapes": _text(_SEARCH[0] + '"""', '\\"""', '"""' + _SEARCH[1]),
    "an endless string": _text(_SEARCH[0] + '"', "a", ""),
    "an endless block string": _text(_SEARCH[0] + '"""', "a\n", ""),
    "comments": _text("", "#\n", _VIEWER),
    "one comment": _text("#", "a", "\n" + _VIEWER),
    "commas": _text("", ",", _VIEWER),
    "blank lines": _text("", "\n", _VIEWER),
    "blank lines, then an error": _text("", "\n", "?"),
    "byte order marks": _text("", "\ufeff", _VIEWER),
    "blanks": _text("", " ", _VIEWER),
    "open brackets": _text("", "{", ""),
    "open brackets of lists": _text("{ orders(first: ", "[", ""),
    "open brackets of types": _text("query ($a: ", "[", ""),
    "characters beyond the first plane": _text(_SEARCH[0] + '"', "\U0001f600", '"' + _SEARCH[1]),
}  # fmt: skip


def attacks() -> Iterator[Attack]:
    for name, make in MAKERS.items():
        seen = set()
        for size in SIZES:
            text = grown(make, size)
            if text in seen or len(text) > 2 * size:
                continue
            seen.add(text)
            yield document(name, text)
            if size < 200_000:
                yield in_a_frame(name, text)
