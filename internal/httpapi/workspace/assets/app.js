document.body.textContent = 'codegenapp'
