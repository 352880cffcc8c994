import { render } from "preact";
import "./style/base.css";
import "./style/controls.css";
import "./style/layout.css";
import "./style/uploads.css";
import "./style/files.css";
import "./style/folders.css";
import "./style/selection.css";
import "./style/storage.css";
import { Application } from "./view/application";
import { start } from "./workspace";

render(<Application />, document.getElementById("app")!);
start();
