import t from "tap";
import { DRIVER_NAMES, driverPattern } from "../../src/diff/index.js";
import fc from "../support/fast-check.js";
import { createRepo } from "../support/repo.js";
import { type Entry, FILE, gitDiff, importTrees, ourDiff, type Tree } from "./trees.js";

/** Lines that are heads, or nearly so, for one driver or another; one character per byte. */
const LINES = [
  // ada, pascal, matlab, fortran
  ..."procedure P is|  Function F (X : in Y) return Z;|package body Q is|package X is new Y|with Ada;".split("|"),
  ..."  function renames X|task T|protected type P|is separate|class procedure TForm.Click;|TFoo = class(TBar)".split(
    "|",
  ),
  ..."constructor Create;|initialization|x = record|classdef Foo < Bar|\tfunction y = f(x)|%% cell|%%%\tcell|##\tsection".split(
    "|",
  ),
  ..."program main|  END SUBROUTINE foo|recursive function f(x)|! comment|C comment|MODULE PROCEDURE x|block data bd".split(
    "|",
  ),
  ..."      module m|pure elemental real function g(y)|* star".split("|"),
  // bash, perl, python, ruby, elixir
  ..."foo() {|  function foo {|function foo ( ) ((|foo ( ) [[|function foo|foo_1(){ echo; }|function f((|bar ()|function g  () (( x|function h  ((x|function i  (x".split(
    "|",
  ),
  ..."package Foo::Bar;|sub foo {|sub foo($$) {|sub foo : attr { # comment|BEGIN {|END # x|=head1 NAME|sub foo;|AUTOLOAD|sub a:b($$) {|sub a::b : c {|sub x y|sub :|sub (a)".split(
    "|",
  ),
  ..."def f(x):|  async def g():|class C:|\tclass C(object):|async  def|module M|  def self.x|defmodule M do|  defp f(x), do: x".split(
    "|",
  ),
  ...'defmacro m(x) do|test "name" do|defimpl A, for: B|defimplx'.split("|"),
  // c, c++, c#, java, objc, kotlin, golang, rust, php
  ..."int main(void)|::ns::f()|label:|label: /* x */|  label: // x|case_x: y|public:|_start|:: f|Foo::Bar(int x) :".split(
    "|",
  ),
  ..."public static void Main(string[] args)|  async Task<int> Run( int x ) |    return x;|    if (x)|namespace A.B |".split(
    "|",
  ),
  ..."public int Property|  public partial class C : D|record R(int x)|struct S|internal sealed override void f()|new Foo( x )".split(
    "|",
  ),
  ..."public class A {|  private static final Map<String, int[]> f(int x)|  class B |interface I extends J {|enum E { A, B }".split(
    "|",
  ),
  ..."  List<? extends A> g() throws E {|  while (x) {|  foo.bar(x);|- (void)foo:(int)x|+ (NSString *) bar|@interface A : B".split(
    "|",
  ),
  ..."@implementation X|@end|static int f(int x)|  else if (x) {|fun main() {|  private inline fun <T> f()|open class C |".split(
    "|",
  ),
  ..."func (r *R) M() error {|  type T struct {|type I interface{}|type X struct { Y interface { }  } |func|type A = B".split(
    "|",
  ),
  ...'pub fn f<T>(x: T) -> U {|  pub(crate) async fn g()|impl<T> A for B {|unsafe extern "C" fn h() {|extern "C" fn i()'.split(
    "|",
  ),
  ..."mod m;|macro_rules! x {|pub (in a) struct S {|trait T|const fn c() {|function foo() {|  final public static function bar()".split(
    "|",
  ),
  ..."  abstract class C|trait T {|interface I|final class|enum Suit".split("|"),
  // css, dts, html, markdown, tex, bibtex, fountain, scheme
  ...".class {|#id, a:hover {|  color: red;|@media x {|a:|b ; |:root|[x]|Body {|H1|/ {|  &label {|node@1 {|x = <1>;|\t/ \t{".split(
    "|",
  ),
  ...'<h1>|  <H2 class="x">Title</H2>|<h7>|<h3 |# Title|   ###### Six\tx|####### seven|    # code|#none|  ## two ##'.split(
    "|",
  ),
  ..."\\section{A}|\\subsubsection*{B}|\\chapter[short]{C}|\\part{|  \\section{x}|@article{key,|  @book {  name ,|text @x{y|@".split(
    "|",
  ),
  ..."INT. HOUSE - DAY|ext street|.forced|..no|i/e car|Int./Ext. X|int|(define (f x)|  (define-syntax x|(defmethod m|(library (a))".split(
    "|",
  ),
  ..."  (module m|(struct s|(let ((x))|(class* x|(defalias/x".split("|"),
  // anything
  ..."|  |\t}|x\r|public class A\r|  \xe9 def x|f\xfc(int x)|func \xff|class \xa0 x|def\x0bx|\x0cfunction f|a\tb".split(
    "|",
  ),
];

const vocabulary =
  "def class function sub func fn ( ) { } : ; , = . # @ [ ] < > * / \\ - + ! a B _x 9 \" ' \t \xe9 \r struct end is";
const soup = fc
  .array(fc.constantFrom(...vocabulary.split(" "), " ", "  "), { maxLength: 9 })
  .map((words) => words.join(""));
const line = fc.oneof(
  fc.constantFrom(...LINES),
  soup,
  fc.constantFrom(...LINES).map((text) => text.toUpperCase()),
);

/** For each driver, a file of these lines in which every third line behind them changes. */
function treesOf(lines: readonly string[], changed: string): Tree {
  const body = lines.map((text) => `${text}\n${"  1\n".repeat(8)}  ${changed}\n`).join("");
  const attributes = DRIVER_NAMES.map((name) => `${name} diff=${name}\n`).join("");
  const entry = (content: string): Entry => ({ mode: FILE, content: Buffer.from(content, "latin1") });
  return new Map([
    [".gitattributes", entry(attributes)],
    ...DRIVER_NAMES.map((name): [string, Entry] => [name, entry(body)]),
  ]);
}

function same(root: string, lines: readonly string[]): { ours: string; git: string } {
  const trees = [treesOf(lines, "2"), treesOf(lines, "3")] as const;
  const [one = "", other = ""] = importTrees(root, trees);
  return {
    git: gitDiff(root, one, other),
    ours: ourDiff(...trees, { patch: (path) => ({ functionPattern: driverPattern(path) }) }),
  };
}

/** A repository whose working tree has the attributes: a diff of two commits reads them there. */
function repoWithDrivers(t: Parameters<typeof createRepo>[0]): string {
  const repo = createRepo(t);
  repo.write(".gitattributes", DRIVER_NAMES.map((name) => `${name} diff=${name}\n`).join(""));
  return repo.root;
}

t.test("the drivers of gitattributes(5) are there, others are not", async (t) => {
  const documented =
    "ada bash bibtex cpp csharp css dts elixir fortran fountain golang html java kotlin markdown matlab objc pascal perl php python ruby rust scheme tex";
  t.same(DRIVER_NAMES, documented.split(" "));
  for (const name of ["default", "constructor", "nobody", ""]) t.equal(driverPattern(name), undefined);
});

t.test("each driver takes the lines for heads that git takes", async (t) => {
  const root = repoWithDrivers(t);
  const { ours, git } = same(root, LINES);
  for (const name of DRIVER_NAMES) {
    const patch = (whole: string) => whole.split(/^diff --git /m).find((part) => part.startsWith(`a/${name} `));
    t.equal(patch(ours), patch(git), name);
  }
});

t.test("whatever the lines", async (t) => {
  const root = repoWithDrivers(t);
  fc.assert(
    fc.property(fc.array(line, { minLength: 30, maxLength: 60 }), (lines) => {
      const { ours, git } = same(root, lines);
      if (ours !== git) throw new Error(`git:\n${git}\ntreewire:\n${ours}`);
    }),
    { numRuns: 40 },
  );
  t.pass("40 files with each driver");
});
