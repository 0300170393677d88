import { connect } from "@motia-steps/client";
import { StreamProvider, useStreamGroup, useStreamItem, useStreamSignal } from "@motia-steps/client/react";
import { StrictMode, useCallback, useState } from "react";
import { createRoot } from "react-dom/client";

function Todos({ group }) {
  const [cheers, setCheers] = useState(0);
  const todos = useStreamGroup("todo", group);
  const first = useStreamItem("todo", group, "t1");
  useStreamSignal(todos.subscription, "cheer", useCallback(() => setCheers((count) => count + 1), []));
  return (
    <main>
      <p id="status">{todos.status}</p>
      <p id="first">{first.item ? first.item.text : String(first.item)}</p>
      <ul>{todos.items.map(({ id, text }) => <li key={id}>{text}</li>)}</ul>
      <p id="cheers">{cheers}</p>
    </main>
  );
}

function Page({ groups }) {
  const [index, setIndex] = useState(0);
  return (
    <>
      <button onClick={() => setIndex(index + 1)}>next group</button>
      <Todos group={groups[index]} />
    </>
  );
}

window.render = (...groups) => {
  const client = connect();
  const root = createRoot(document.body.appendChild(document.createElement("div")));
  root.render(
    <StrictMode>
      <StreamProvider client={client}>
        <Page groups={groups} />
      </StreamProvider>
    </StrictMode>,
  );
};
