import type { ComponentChildren, JSX, TargetedMouseEvent } from "preact";
import { keepingFocus } from "../focus";
import { openFolder } from "../listing";
import { folderQuery, urlOf } from "../query";

/** A link that opens a folder on this page. With a modifier key the browser opens it in a new tab. */
export function FolderLink(props: { folder: string; class?: string; title?: string; children: ComponentChildren }): JSX.Element {
  const { folder, children, ...attributes } = props;
  const open = (event: TargetedMouseEvent<HTMLAnchorElement>) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    void keepingFocus(() => openFolder(folder));
  };
  return (
    <a {...attributes} href={urlOf(folderQuery(folder))} onClick={open}>
      {children}
    </a>
  );
}
