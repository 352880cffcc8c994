import type { JSX } from "preact";

const PATHS = {
  pause: "M8 5v14M16 5v14",
  resume: "M8 5l11 7-11 7z",
  cancel: "M6 6l12 12M18 6L6 18",
  retry: "M20 11a8 8 0 1 0-2.3 6M20 5v6h-6",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  remove: "M4 7h16M9 7V4h6v3M6.5 7l1 13h9l1-13M10 11v5M14 11v5",
  restore: "M4 10h10a6 6 0 0 1 0 12h-3M8 6l-4 4 4 4",
  upload: "M12 16V5M7 9l5-5 5 5M5 20h14",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  check: "M5 13l4 4L19 7",
  folder: "M3 6h6l2 2h10v11H3z",
  move: "M3 6h6l2 2h10v11H3zM9 13h7M13 10l3 3-3 3",
  add: "M12 5v14M5 12h14",
  search: "M10.5 17a6.5 6.5 0 1 1 0-13 6.5 6.5 0 0 1 0 13zM15.5 15.5L21 21",
};

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** A button with an icon. Its label names the action and the object. */
export function IconButton(props: { icon: IconName; label: string; isSubmit?: boolean; onClick?: () => void }): JSX.Element {
  return (
    <button type={props.isSubmit ? "submit" : "button"} class="icon-button" aria-label={props.label} title={props.label} onClick={props.onClick}>
      <Icon name={props.icon} />
    </button>
  );
}
