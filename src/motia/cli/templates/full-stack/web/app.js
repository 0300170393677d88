const form = document.querySelector('#new-user')
const list = document.querySelector('#users')
const problem = document.querySelector('#problem')

async function show() {
  const { users } = await (await fetch('/users')).json()
  list.replaceChildren(
    ...users.map((user) => Object.assign(document.createElement('li'), { textContent: `${user.name}: ${user.status}` })),
  )
}

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const response = await fetch('/users', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(Object.fromEntries(new FormData(form))),
  })
  problem.textContent = response.ok ? '' : (await response.json()).detail
  if (response.ok) form.reset()
  await show()
})

await show()
