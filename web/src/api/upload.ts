/**
 * Sends a file and reads an answer that comes line by line. By XMLHttpRequest, for `fetch` tells nobody how much of a body is sent.
 * Like `client.ts` it throws a `Problem` for every refusal.
 */
import { api, ask, credentials } from "./client";
import { Problem, problemOf } from "./problem";

export interface Told {
  /** Between 0 and 1, while the file is on its way. */
  onsent: (share: number) => void;
  /** Each line of the answer as it comes. */
  online: (line: unknown) => void;
  signal: AbortSignal;
}

export async function upload(path: string, body: Blob, type: string, { onsent, online, signal }: Told): Promise<void> {
  await ask(api.GET("/api/auth/session")); // renews a session that has run out: a body of megabytes is not sent twice
  await new Promise<void>((resolve, reject) => {
    const request = new XMLHttpRequest();
    let read = 0;
    const readLines = (): void => {
      const end = request.responseText.lastIndexOf("\n") + 1;
      const lines = request.responseText.slice(read, end).split("\n").filter(Boolean);
      read = Math.max(read, end);
      for (const line of lines) online(JSON.parse(line));
    };
    request.open("POST", path);
    request.setRequestHeader("Content-Type", type);
    request.setRequestHeader("Accept", "application/x-ndjson");
    if (credentials.csrf) request.setRequestHeader("X-CSRF-Token", credentials.csrf);
    request.upload.onprogress = (event) => onsent(event.lengthComputable ? event.loaded / event.total : 0);
    request.onprogress = () => {
      if (request.status < 400) readLines();
    };
    request.onload = () => {
      if (request.status >= 400) return reject(refusal(request));
      readLines();
      resolve();
    };
    request.onerror = () => reject(new Problem(0));
    request.onabort = () => reject(new DOMException("Stopped", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}

function refusal(request: XMLHttpRequest): Problem {
  const headers = new Headers({ "Retry-After": request.getResponseHeader("Retry-After") ?? "" });
  try {
    return problemOf(request.status, JSON.parse(request.responseText), headers);
  } catch {
    return problemOf(request.status, null, headers);
  }
}
