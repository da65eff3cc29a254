import { useEffect, useState } from "preact/hooks";
import type { Observable } from "./state.js";

/** The value as it is; the component is drawn again when it changes. */
export function useObservable<T>(observable: Observable<T>): T {
  const [value, setValue] = useState(observable.value);
  useEffect(() => {
    setValue(observable.value);
    return observable.observe(() => setValue(observable.value));
  }, [observable]);
  return value;
}
