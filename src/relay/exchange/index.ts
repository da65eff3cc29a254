export type {
  Activity,
  AgentReport,
  Exchange,
  ExchangeCounts,
  Following,
  Here,
  Home,
  Hosted,
  Welcomed,
} from "./exchange.js";
export { LocalExchange } from "./local-exchange.js";
