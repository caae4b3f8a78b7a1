/** The SQL editor: CodeMirror, with completion of the tables, columns and functions that SQL may use. */

import { FUNCTIONS, MACROS, TABLES } from "./dictionary.js";
import {
  EditorState, EditorView, HighlightStyle, Prec, SQLDialect, autocompletion, bracketMatching, closeBrackets,
  closeBracketsKeymap, completionKeymap, defaultKeymap, drawSelection, ensureSyntaxTree, highlightSpecialChars, history,
  historyKeymap, insertBracket, keymap, lineNumbers, setDiagnostics, sql, syntaxHighlighting, tags,
} from "./vendor/codemirror.js";

const PARSING_MILLISECONDS = 100;

// The keywords of a SELECT in DuckDB. Any other word is a name, and completion offers no statement that is refused.
const DUCKDB = SQLDialect.define({
  keywords: "all and anti any as asc asof between by case cast collate cross current_date current_timestamp desc describe "
    + "distinct else end except exclude exists extract false filter first following for from full group having ilike in inner "
    + "intersect interval into is join lateral last left like limit materialized natural not null nulls offset on or order "
    + "outer over partition positional preceding qualify range recursive replace right row rows select semi show similar some "
    + "tables then to true try_cast unbounded union using values when where window with within",
  types: "bigint boolean date decimal double float hugeint integer json smallint struct map text time timestamp timestamptz "
    + "tinyint ubigint uinteger uuid varchar",
  specialVar: "$",
  operatorChars: "*+-%<>!=&|^/~@:",
  charSetCasts: false,
  doubleQuotedStrings: false,
});

const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword], color: "var(--accent)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--string)" },
  { tag: [tags.number, tags.bool, tags.null, tags.special(tags.name)], color: "var(--warm)" },
  { tag: [tags.comment, tags.lineComment, tags.blockComment], color: "var(--soft)", fontStyle: "italic" },
  { tag: tags.typeName, color: "var(--accent)" },
]);

const LOOK = EditorView.theme({
  "&": { color: "var(--ink)", fontSize: "0.875rem", minHeight: "13rem", maxHeight: "60vh" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6", minHeight: "13rem" },
  ".cm-content": { padding: "1rem 0", caretColor: "var(--ink)" },
  ".cm-line": { padding: "0 1.25rem 0 0.75rem" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { background: "none", color: "var(--soft)", border: "0", paddingInlineStart: "0.5rem" },
  ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground":
    { background: "var(--selection)" },
  "&.cm-focused .cm-matchingBracket": { background: "var(--tint)", outline: "1px solid var(--accent)" },
  ".cm-tooltip": { background: "var(--card)", color: "var(--ink)", border: "1px solid var(--line)", borderRadius: "8px", overflow: "hidden" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "16rem" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "0.2rem 0.75rem" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { background: "var(--accent)", color: "var(--on-accent)" },
  ".cm-completionDetail": { fontStyle: "normal", opacity: "0.75" },
  ".cm-completionInfo": { maxWidth: "22rem", padding: "0.5rem 0.75rem" },
  ".cm-diagnostic-error": { borderInlineStart: "3px solid var(--bad)", padding: "0.4rem 0.75rem" },
  // CodeMirror's own underline is an image in a data: URL, which the page's policy blocks.
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--bad)", textUnderlineOffset: "3px" },
  ".cm-lintPoint:after": { borderBottomColor: "var(--bad)" },
});

const SCHEMA = Object.fromEntries(TABLES.map(({ name, meaning, columns }) => [name, {
  self: { label: name, type: "class", detail: "table", info: meaning },
  children: columns.map((column) => ({ label: column.name, type: "property", detail: column.type.toLowerCase(), info: column.meaning })),
}]));
const CALLS = [
  ...FUNCTIONS.map((name) => ({ label: name, type: "function", apply: called(name) })),
  ...MACROS.map((name) => ({ label: name, type: "function", detail: "table of an earlier day", apply: called(name) })),
];

/**
 * Return an editor in a shadow root of `host`: its styles are then adopted sheets, which the page's policy allows.
 *
 * @param {HTMLElement} host
 * @param {{label: string, onChange: () => void, onRun: () => void}} options
 */
export function editor(host, { label, onChange, onRun }) {
  const root = host.attachShadow({ mode: "open" });
  const functions = (context) => {
    const word = context.matchBefore(/\w+/);
    return word && !/[.$]/.test(context.state.sliceDoc(word.from - 1, word.from)) ? { from: word.from, options: CALLS, validFor: /^\w*$/ } : null;
  };
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      extensions: [
        // Tab moves the focus, so that keyboard users can leave the editor.
        Prec.highest(keymap.of([{ key: "Mod-Enter", run: () => (onRun(), true) }])),
        keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
        lineNumbers(), history(), drawSelection(), highlightSpecialChars(), bracketMatching(), closeBrackets(),
        autocompletion({ icons: false }),
        sql({ dialect: DUCKDB, schema: SCHEMA, defaultTable: "models", upperCaseKeywords: true }),
        DUCKDB.language.data.of({ autocomplete: functions }),
        syntaxHighlighting(COLOURS), LOOK, EditorView.lineWrapping, EditorState.tabSize.of(4),
        EditorView.contentAttributes.of({ "aria-label": label, "aria-describedby": "", spellcheck: "false", autocapitalize: "off" }),
        EditorView.updateListener.of((update) => update.docChanged && onChange()),
      ],
    }),
  });

  return {
    get value() {
      return view.state.doc.toString();
    },
    set value(text) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    focus: () => view.focus(),
    /** Insert a text at the cursor. */
    insert(text) {
      view.dispatch(view.state.replaceSelection(text));
      view.focus();
    },
    /** Return the names of the statement's `$name` parameters, but not those in comments or texts. */
    parameters() {
      const names = new Set();
      ensureSyntaxTree(view.state, view.state.doc.length, PARSING_MILLISECONDS)?.iterate({
        enter({ name, from, to }) {
          if (name === "SpecialVar" && to > from + 1) names.add(view.state.sliceDoc(from + 1, to));
        },
      });
      return [...names];
    },
    /** Mark the word at a line and a column, from 1, as an error; without a position, remove the mark. */
    mark(message = "", line = 0, column = 0) {
      const { doc } = view.state;
      const marks = [];
      if (line >= 1 && line <= doc.lines) {
        const from = Math.min(doc.line(line).from + column - 1, doc.line(line).to);
        const to = from + (/^(\w+|"[^"]*"|\S)/.exec(doc.sliceString(from, doc.line(line).to))?.[0].length ?? 0);
        marks.push({ from, to, severity: "error", message });
      }
      view.dispatch(setDiagnostics(view.state, marks));
    },
  };
}

/** Return a completion that inserts a call with brackets; typing the second one moves over it. */
function called(name) {
  return (view, _, from, to) => {
    view.dispatch({ changes: { from, to, insert: name }, selection: { anchor: from + name.length } });
    if (view.state.sliceDoc(from + name.length, from + name.length + 1) === "(") return;
    view.dispatch(insertBracket(view.state, "(") ?? view.state.replaceSelection("("));
  };
}
