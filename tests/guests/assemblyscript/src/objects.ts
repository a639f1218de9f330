// Objects of all kinds that the host reads and makes.
export function echo(s: string): string { return s + ""; }
export function maybe(s: string | null): string | null { return s == null ? null : "got " + s; }
export function lone(): string { return String.fromCharCode(0xd800) + "x"; }
export function empty(): string { return ""; }

export function doubles(n: i32): StaticArray<f64> {
  const a = new StaticArray<f64>(n);
  for (let i = 0; i < n; i++) a[i] = i * 0.5;
  return a;
}
export function sumStatic(a: StaticArray<f64>): f64 {
  let s: f64 = 0;
  for (let i = 0; i < a.length; i++) s += a[i];
  return s;
}
export function bytes(n: i32): ArrayBuffer {
  const a = new Uint8Array(n);
  for (let i = 0; i < n; i++) a[i] = <u8>(i * 3);
  return a.buffer;
}
export function sumBuffer(b: ArrayBuffer): i32 {
  const a = Uint8Array.wrap(b);
  let s = 0;
  for (let i = 0; i < a.length; i++) s += a[i];
  return s;
}
// A view that begins in the middle of its buffer.
export function middle(): Int16Array {
  const a = new Int16Array(6);
  for (let i = 0; i < 6; i++) a[i] = <i16>(i * -7);
  return a.subarray(2, 5);
}
export function negate(a: Int16Array): void {
  for (let i = 0; i < a.length; i++) a[i] = -a[i];
}
export function words(): string[] { return ["one", "два", "三"]; }
export function joinWords(a: string[]): string { return a.join("+"); }
export function sumU8(a: Array<u8>): i32 {
  let s = 0;
  for (let i = 0; i < a.length; i++) s += a[i];
  return s;
}

export class Shape {
  kind: u8 = 1;
  visible: bool = true;
  area: f64 = 2.5;
  name: string = "square";
  points: Float32Array = new Float32Array(3);
  next: Shape | null = null;
}
export function makeShape(area: f64): Shape {
  const s = new Shape();
  s.area = area;
  s.points[1] = 4;
  return s;
}
export function describe(s: Shape): string {
  return s.name + " " + s.area.toString() + " " + s.kind.toString() + " " + s.visible.toString();
}
export function grow(pages: i32): i32 { return memory.grow(pages); }
export function garbage(n: i32): void { for (let i = 0; i < n; i++) "x".repeat(1000 + i); }

export const Shape_ID = idof<Shape>();
export const ArrayU8_ID = idof<Array<u8>>();
export const ArrayI32_ID = idof<Array<i32>>();
export const ArrayString_ID = idof<Array<string>>();
export const Int16Array_ID = idof<Int16Array>();
export const Float32Array_ID = idof<Float32Array>();
export const StaticArrayF64_ID = idof<StaticArray<f64>>();
