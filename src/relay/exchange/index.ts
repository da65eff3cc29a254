export type { AgentReport, Exchange, Following, Home, Hosted, Welcomed } from "./exchange.js";
export { LocalExchange } from "./local-exchange.js";
