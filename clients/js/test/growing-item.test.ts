import assert from "node:assert/strict";
import { test } from "node:test";
import { GrowingItem } from "../src/growing-item.js";

const stored = (text: string): { id: string; text: string } => ({ id: "m1", text });
const delta = (offset: number, data: string) => ({ type: "delta", path: "text", offset, data }) as const;

test("deltas are shown at once, and stored texts do not take them back", () => {
  const item = new GrowingItem(stored(""));
  item.grow(delta(0, "Once "));
  item.grow(delta(5, "upon "));
  assert.equal(item.shown.text, "Once upon ");
  item.store(stored("Once "));
  assert.equal(item.shown.text, "Once upon ");
  item.grow(delta(10, "a time"));
  item.store(stored("Once upon a time"));
  assert.equal(item.shown.text, "Once upon a time");
});

test("a piece that is missing comes with the stored text", () => {
  const item = new GrowingItem(stored("Once "));
  item.grow(delta(10, "a "));
  assert.equal(item.shown.text, "Once ");
  item.store(stored("Once upon "));
  assert.equal(item.shown.text, "Once upon a ");
});

test("a text that is begun anew shows nothing of the old one", () => {
  const item = new GrowingItem(stored("Once "));
  item.grow(delta(5, "upon "));
  item.store(stored(""));
  assert.equal(item.shown.text, "");
  item.grow(delta(0, "Twice"));
  assert.equal(item.shown.text, "Twice");
  item.store(stored("Another one altogether"));
  assert.equal(item.shown.text, "Another one altogether");
});

test("whatever is cut where and stored when, the end is the stored text", () => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 1e9);
  let state = seed;
  const dice = (sides: number): number => (state = (state * 48271) % 2147483647) % sides;
  for (let run = 0; run < 200; run++) {
    const whole = Array.from({ length: 60 }, () => "aé😀 z"[dice(6)] ?? "").join("");
    const item = new GrowingItem(stored(""));
    for (let offset = 0; offset < whole.length; ) {
      const size = 1 + dice(5);
      if (dice(4)) item.grow(delta(offset, whole.slice(offset, offset + size)));
      offset += size;
      assert.ok(whole.startsWith(item.shown.text), `seed ${seed}: ${item.shown.text}`);
      if (dice(3) === 0) item.store(stored(whole.slice(0, dice(offset + 1))));
    }
    item.store(stored(whole));
    assert.equal(item.shown.text, whole, `seed ${seed}`);
  }
});
