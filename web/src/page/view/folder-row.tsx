import type { JSX } from "preact";
import { segmentOf } from "../path";
import { FolderLink } from "./folder-link";
import { Icon } from "./icons";

export function FolderRow({ folder }: { folder: string }): JSX.Element {
  return (
    <tr role="row" class="folder">
      <td role="cell" class="pick">
        <Icon name="folder" />
      </td>
      <td role="cell" class="name" colSpan={5}>
        <FolderLink folder={folder} title={folder}>
          {segmentOf(folder)}
        </FolderLink>
      </td>
    </tr>
  );
}
