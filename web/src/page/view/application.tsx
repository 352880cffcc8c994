import type { JSX } from "preact";
import { token } from "../session";
import { uploads } from "../uploads";
import { DropZone } from "./drop-zone";
import { Detail } from "./detail";
import { ConfirmDelete } from "./confirm-delete";
import { Files } from "./files";
import { Header } from "./header";
import { Notices } from "./notices";
import { SignIn } from "./sign-in";
import { Storage } from "./storage";
import { Uploads } from "./uploads";

export function Application(): JSX.Element {
  return (
    <>
      {token.value !== null && (
        <a class="skip" href="#files">
          Skip to the files
        </a>
      )}
      <Header />
      {token.value === null ? <SignIn /> : <Workspace />}
      <Notices />
    </>
  );
}

function Workspace(): JSX.Element {
  return (
    <main class="workspace">
      <div class="work">
        <DropZone />
        {uploads.value.length > 0 && <Uploads />}
        <Files />
      </div>
      <Storage />
      <Detail />
      <ConfirmDelete />
    </main>
  );
}
