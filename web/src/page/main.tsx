import { render } from "preact";

render(<h1>Waybill</h1>, document.getElementById("app")!);
