// A project with some history. Returns the ids, and reads of it.
export async function makeHistory(api) {
  const project = await api('POST', '/projects', { title: 'Invoice portal', description: 'See invoices.' });
  const specification = (content, items) =>
    api('POST', `/projects/${project.id}/specs`, {
      content,
      items: items.map((text) => ({ content: text })),
    });
  const signIn = await specification('# Sign-in', [
    'A wrong password takes as long as a right one.',
    'After five failures the account waits.',
    'A session ends after thirty days.',
    'The page names the last sign-in.',
  ]);
  const refunds = await specification('# Refunds', ['Above 500, two people approve.']);
  const [a, , c, d] = signIn.items;
  const [refund] = refunds.items;
  const change = (item, content) => api('PATCH', `/items/${item.id}`, { content });

  await api('PATCH', `/items/${c.id}`, { order: 0 }); // r4
  await change(refund, 'Above 1,000, two people approve.'); // r5
  await change(refund, 'Above 2,000, two people approve.'); // r6
  await api('DELETE', `/items/${d.id}`); // r7
  await change(a, 'A wrong password takes exactly as long as a right one.'); // r8
  return { project: project.id, signIn: signIn.id, refunds: refunds.id, a, c, d, refund };
}

/** textsOf reads the items of a specification. */
export const textsOf = async (api, specification) =>
  (await api('GET', `/specs/${specification}/items`)).items.map((item) => item.content);
