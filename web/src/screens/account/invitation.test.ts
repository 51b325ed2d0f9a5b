import { expect, test } from "vitest";
import { invitationIn } from "./invitation";

test("a token is found in a link, in its fragment and by itself", () => {
  const token = "aB3_-aB3_-aB3_-aB3_-";
  expect(invitationIn(`http://localhost:8000/#setup=${token}`)).toEqual({ kind: "setup", token });
  expect(invitationIn(`#invite=${token}`)).toEqual({ kind: "invite", token });
  expect(invitationIn(` ${token}\n`)).toEqual({ kind: "invite", token });
});

test("other fragments and sentences are no invitations", () => {
  for (const words of ["", "#main", "#setup=", "https://example.org/", "please let me in"]) expect(invitationIn(words)).toBeNull();
});
