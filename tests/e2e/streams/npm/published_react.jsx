import {
  MotiaStreamProvider,
  useStreamEventHandler,
  useStreamGroup,
  useStreamItem,
} from "@motiadev/stream-client-react";
import { useState } from "react";
import { createRoot } from "react-dom/client";

function Todos({ group }) {
  const [cheers, setCheers] = useState(0);
  const { data, event } = useStreamGroup({ streamName: "todo", groupId: group, sortKey: "text" });
  const first = useStreamItem({ streamName: "todo", groupId: group, id: "t1" });
  useStreamEventHandler({ event, type: "cheer", listener: () => setCheers((count) => count + 1) }, []);
  return (
    <main>
      <p id="first">{first.data ? first.data.text : "none"}</p>
      <ul>{data.map(({ id, text }) => <li key={id}>{text}</li>)}</ul>
      <p id="cheers">{cheers}</p>
    </main>
  );
}

window.render = (address, group) => {
  const root = document.body.appendChild(document.createElement("div"));
  createRoot(root).render(
    <MotiaStreamProvider address={address}>
      <Todos group={group} />
    </MotiaStreamProvider>,
  );
};
