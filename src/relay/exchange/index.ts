export type { AgentReport, Exchange, Following, Home, Hosted } from "./exchange.js";
export { LocalExchange } from "./local-exchange.js";
