import "./early";

void import("./start"); // not before: its imports would keep the early calls waiting
