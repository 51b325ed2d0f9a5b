import { expect, test } from "vitest";
import { browserOf, systemOf } from "./devices";

test("browsers that name others are told apart", () => {
  const edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36 Edg/142.0";
  const phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
  const tablet = "Mozilla/5.0 (Linux; Android 15; Pixel Tablet) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36";
  expect([browserOf(edge), systemOf(edge)]).toEqual(["Edge", "Windows"]);
  expect([browserOf(phone), systemOf(phone)]).toEqual(["Safari", "iPhone"]);
  expect([browserOf(tablet), systemOf(tablet)]).toEqual(["Chrome", "Android"]);
  expect([browserOf("something else"), systemOf("")]).toEqual(["", ""]);
});
